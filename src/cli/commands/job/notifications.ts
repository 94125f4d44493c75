import type { Command } from 'commander';
import type { JobNotification } from '../../../job/model/view.ts';
import type { CommandContext, CommandResult } from '../../context.ts';
import { findJob } from '../../input/find-job.ts';
import { printJobRanges } from '../../input/job-ranges.ts';
import type { Run } from '../../program.ts';
import { timeText } from '../../render/job.ts';
import { plain } from '../../render/table.ts';
import { StopSignal } from '../../stop-signal.ts';

/** `nearbits job notifications`: what is told about jobs, old ones first, until Ctrl+C. */
export function addNotificationsCommand(job: Command, run: Run): void {
  job
    .command('notifications')
    .description('print notifications that nobody acknowledged, then new ones as they come; Ctrl+C ends it')
    .argument('[job]', 'id or name; default: all your jobs')
    .option('--acknowledge', 'acknowledge each one that was printed, so that it does not come again')
    .addHelpText('after', '\nWith --json each notification is one line of JSON.')
    .action(run(notifications));
}

async function notifications(
  context: CommandContext,
  text: string | undefined,
  { acknowledge }: { acknowledge?: boolean },
): CommandResult {
  using stop = new StopSignal(context.io);
  const { signal } = stop;
  try {
    await context.withDaemon(async ({ jobs }) => {
      const job = text === undefined ? undefined : await findJob(jobs, text);
      context.output.remark('Waiting for notifications; Ctrl+C ends.');
      for await (const note of jobs.notifications({ job, signal })) {
        context.output.result(note, () => noteText(note));
        if (acknowledge === true) await note.acknowledge();
      }
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return undefined;
}

function noteText({ atMs, kind, jobId, job, file, ranges }: JobNotification): string {
  const parts = [timeText(atMs), kind, jobId, plain(job.displayName, 60), job.state];
  if (file !== null) parts.push(`file ${file}`);
  if (ranges !== null) parts.push(plain(printJobRanges(ranges), 200));
  if (job.error !== null) parts.push(`${plain(job.error.message, 200)} (${job.error.code})`);
  return parts.join('  ');
}
