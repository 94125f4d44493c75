import type { Command } from 'commander';
import { isFinal } from '../../../job/model/state.ts';
import type { JobView } from '../../../job/model/view.ts';
import type { Jobs } from '../../../sdk/jobs.ts';
import type { CommandContext, CommandResult } from '../../context.ts';
import { findJob } from '../../input/find-job.ts';
import { parseWhole } from '../../input/number.ts';
import type { Run } from '../../program.ts';
import { countText, jobTable, timeText } from '../../render/job.ts';
import { StopSignal } from '../../stop-signal.ts';
import { listedJobs } from './look.ts';

const MAX_REFRESH_SECONDS = 86_400;
const CLEAR = '\u001b[H\u001b[J';

/** `nearbits job monitor`: the jobs again and again, until Ctrl+C, or until the one that was named has ended. */
export function addMonitorCommand(job: Command, run: Run): void {
  job
    .command('monitor')
    .description('show your jobs, or one, again and again; Ctrl+C ends it')
    .argument('[job]', 'id or name')
    .option('--all-users', 'jobs of all users; needs an administrator')
    .option('--refresh <seconds>', 'time between two looks', '5')
    .addHelpText('after', '\nWith --json each look is one line of JSON.')
    .action(run(monitor));
}

interface MonitorOptions {
  readonly allUsers?: boolean;
  readonly refresh: string;
}

async function monitor(
  context: CommandContext,
  text: string | undefined,
  { allUsers = false, refresh }: MonitorOptions,
): CommandResult {
  const seconds = parseWhole(refresh, 'a number of seconds', 1, MAX_REFRESH_SECONDS);
  using stop = new StopSignal(context.io);
  const { signal } = stop;
  try {
    await context.withDaemon(async ({ jobs }) => {
      const look = await looker(jobs, text, allUsers, signal);
      for (let views = await look(); ; views = await look()) {
        show(context, views, allUsers, seconds);
        if (text !== undefined && views.every(({ state }) => isFinal(state))) return;
        await context.clock.sleep(seconds * 1000, signal);
      }
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return undefined;
}

/** How to see the jobs that are wanted. */
async function looker(
  jobs: Jobs,
  text: string | undefined,
  allUsers: boolean,
  signal: AbortSignal,
): Promise<() => Promise<JobView[]>> {
  if (text === undefined) return () => listedJobs(jobs, { allUsers, ended: false, signal });
  const job = await findJob(jobs, text);
  return async () => [await job.get({ signal })];
}

/** On a terminal over the last look; elsewhere one block after the other. */
function show({ io, clock, output }: CommandContext, jobs: JobView[], showOwner: boolean, seconds: number): void {
  const live = io.isOutputTerminal && !output.json;
  const at = { atMs: clock.wallMs(), jobs };
  output.result(at, () => {
    const head = `${timeText(at.atMs)}  ${countText(jobs)}`;
    const block = jobs.length === 0 ? head : `${head}\n${jobTable(jobs, showOwner)}`;
    if (!live) return `${block}\n\n`;
    const lines = `${block}\n\nevery ${seconds} s; Ctrl+C ends`.split('\n').map((line) => line.slice(0, io.columns()));
    return `${CLEAR}${cutToScreen(lines, io.rows()).join('\n')}`;
  });
}

/** What does not fit on the screen is counted instead. */
function cutToScreen(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length < rows) return lines;
  const shown = Math.max(1, rows - 3);
  return [...lines.slice(0, shown), `... and ${lines.length - shown - 2} more`, lines.at(-1) ?? ''];
}
