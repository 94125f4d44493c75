import type { Command } from 'commander';
import { NearbitsError, toNearbitsError } from '../../core/errors.ts';
import { printDuration } from '../../core/units.ts';
import type { JobPriority } from '../../job/model/properties.ts';
import type { CallResult, JobFileView, JobRequestInput, JobView } from '../../job/model/view.ts';
import type { Job } from '../../sdk/job.ts';
import type { Jobs } from '../../sdk/jobs.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import { EXIT } from '../exit.ts';
import { pairFiles } from '../input/file-set.ts';
import type { Run } from '../program.ts';
import { progressOf } from '../render/job.ts';
import { completedFiles } from '../render/job-files.ts';
import { ProgressLine } from '../render/progress.ts';
import { plain } from '../render/table.ts';
import { sourcesText } from '../render/transfer.ts';
import { StopSignal } from '../stop-signal.ts';
import { priorityOption } from './job/make.ts';
import { completedText } from './job/steer.ts';

/** Time between two looks whether files are shared, which nothing tells of a job that has ended. */
const SHARING_POLL_MS = 50;

/** `nearbits transfer NAME URL FILE ...`: a job from its making to its completion, by the running node or by one that lives as long. */
export function addTransferCommand(program: Command, run: Run): void {
  program
    .command('transfer')
    .description('fetch files in one go as a job: make it, follow it, complete it')
    .argument('<name>', 'what people call the job')
    .argument('<url-file...>', 'URL and FILE of each file')
    .addOption(priorityOption())
    .option('--dynamic', 'the content changes with every request: it is fetched in one go, in the foreground')
    .addHelpText(
      'after',
      `
It keeps going over errors that pass, such as a lost network. An error that does not pass, or Ctrl+C, cancels the job.

Example:
  nearbits transfer updates https://example.com/a.iso a.iso https://example.com/b.iso b.iso --priority FOREGROUND`,
    )
    .action(run(transfer));
}

interface TransferOptions {
  readonly priority?: JobPriority;
  readonly dynamic?: boolean;
}

async function transfer(
  context: CommandContext,
  displayName: string,
  words: readonly string[],
  { priority, dynamic = false }: TransferOptions,
): CommandResult {
  const files = pairFiles(words, context.io.workingDir);
  const level = priority ?? (dynamic ? 'FOREGROUND' : 'NORMAL');
  const request = { displayName, priority: level, dynamicContent: dynamic, files };
  using stop = new StopSignal(context.io);
  await context.withNode({ peers: true, signal: stop.signal }, async ({ jobs }) => {
    const { result, files: done } = await oneShot(context, jobs, request, stop.signal);
    context.output.result({ ...result, files: done }, () => doneText(result, done));
  });
  return EXIT.ok;
}

/** Makes the job and brings it to its end. What is thrown leaves no job behind, unless its files are there or the node is gone. */
async function oneShot(context: CommandContext, jobs: Jobs, request: JobRequestInput, signal: AbortSignal) {
  // Not stopped by the signal: a job whose id was not awaited could not be cancelled.
  const job = await jobs.create(request);
  try {
    await job.resume();
    await follow(context, job, signal);
  } catch (error) {
    await job.cancel().catch(() => {}); // it may have ended, or the node is gone: what went wrong first is told
    throw signal.aborted ? new NearbitsError('E_CANCELLED', 'the job was cancelled', { cause: error }) : error;
  }
  const result = await complete(job);
  return { result, files: await shared(context, job, signal) };
}

/** The files once it is decided which of them neighbours can have; a node of this process must live so long. */
async function shared({ clock }: CommandContext, job: Job, signal: AbortSignal): Promise<JobFileView[]> {
  for (;;) {
    const files = await job.files();
    if (signal.aborted || files.every(({ sharing }) => sharing !== 'pending')) return files;
    await clock.sleep(SHARING_POLL_MS, signal).catch(() => {}); // Ctrl+C ends the waiting; the files are there
  }
}

/** Draws the job until its files are there. @throws NearbitsError why they do not come */
async function follow(context: CommandContext, job: Job, signal: AbortSignal): Promise<void> {
  const line = progressLine(context, job);
  let told: string | number | null = null;
  try {
    for await (const view of job.watch({ signal })) {
      const news = newsOf(view, context.clock.wallMs());
      if (news !== null && news.key !== told) {
        line?.end();
        context.output.remark(news.text);
      }
      told = news?.key ?? null;
      line?.update(progressOf(view));
    }
  } finally {
    line?.end();
  }
  const { error, state } = await job.get();
  if (state === 'ERROR' && error !== null) {
    throw new NearbitsError(error.code, error.message, {
      hint: error.hint ?? explainHint(job.id),
      details: error.details,
    });
  }
  if (state === 'CANCELLED') throw new NearbitsError('E_CANCELLED', 'somebody cancelled the job');
}

/** A job whose files could not be renamed keeps them, so that it can be completed later. */
async function complete(job: Job): Promise<CallResult> {
  try {
    const view = await job.get();
    // Somebody else may have been quicker.
    return view.state === 'ACKNOWLEDGED' ? { code: 'S_OK', job: view } : await job.complete();
  } catch (error) {
    const { code, message, details } = toNearbitsError(error);
    throw new NearbitsError(code, message, {
      cause: error,
      details,
      hint: `The bytes are kept. Run "nearbits job complete ${job.id}" when this is mended.`,
    });
  }
}

/** Something about a job that goes on which a person should know; `key` tells whether it is still the same. */
function newsOf(
  { id, state, error, retryAtMs }: JobView,
  nowMs: number,
): { key: string | number; text: string } | null {
  if (state === 'SUSPENDED') {
    return { key: state, text: `The job was suspended. It goes on after: nearbits job resume ${id}` };
  }
  if (state !== 'TRANSIENT_ERROR' || error === null) return null;
  const again =
    retryAtMs === null ? 'as soon as that has passed' : `in ${printDuration(Math.max(0, retryAtMs - nowMs))}`;
  return { key: error.atMs, text: `${plain(error.message, 500)} (${error.code}); tried again ${again}` };
}

function progressLine({ io, clock, output }: CommandContext, job: Job): ProgressLine | null {
  if (output.json || !io.isTerminal) return null;
  const deps = { monotonicMs: clock.monotonicMs, columns: io.columns, write: io.err };
  return new ProgressLine(deps, { name: job.view?.properties.displayName ?? job.id });
}

function doneText(result: CallResult, files: readonly JobFileView[]): string {
  const { fromPeers, fromOrigin, fromCache } = result.job.bytes;
  const sources = sourcesText({ bytesFromPeers: fromPeers, bytesFromOrigin: fromOrigin, bytesFromCache: fromCache });
  const done = completedFiles(files);
  return [
    completedText(result),
    ...(done === '' ? [] : [done]),
    sources,
    `why: nearbits explain ${result.job.id}`,
  ].join('\n');
}

function explainHint(id: string): string {
  return `Run "nearbits explain ${id}" to see every step.`;
}
