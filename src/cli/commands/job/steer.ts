import type { Command } from 'commander';
import type { CallResult } from '../../../job/model/view.ts';
import type { CommandContext, CommandResult } from '../../context.ts';
import type { Run } from '../../program.ts';
import { tellDone, withJob } from './with-job.ts';

/** `nearbits job suspend|resume|complete|cancel|take-ownership|reset`. */
export function addSteerCommands(job: Command, run: Run): void {
  const one = (name: string, description: string) =>
    job.command(name).description(description).argument('<job>', 'id or name');
  one('suspend', 'stop fetching; what is there is kept').action(run(suspend));
  one('resume', 'start or go on; a job in error is tried again at once').action(run(resume));
  one('complete', 'give the files their names and end the job').action(run(complete));
  one('cancel', 'end the job and delete what was fetched').action(run(cancel));
  one('take-ownership', 'make a job your own; its secrets are removed; needs an administrator').action(
    run(takeOwnership),
  );
  job
    .command('reset')
    .description('cancel all your jobs')
    .option('--all-users', 'jobs of all users; needs an administrator')
    .action(run(reset));
}

async function suspend(context: CommandContext, text: string): CommandResult {
  return await withJob(context, text, async (job) => {
    tellDone(context, await job.suspend(), `Suspended job ${job.id}.`);
  });
}

async function resume(context: CommandContext, text: string): CommandResult {
  return await withJob(context, text, async (job) => {
    tellDone(context, await job.resume(), `Resumed job ${job.id}.`);
  });
}

async function takeOwnership(context: CommandContext, text: string): CommandResult {
  return await withJob(context, text, async (job) => {
    const view = await job.takeOwnership();
    tellDone(context, view, `Job ${job.id} belongs to ${view.owner} now; its secrets were removed.`);
  });
}

async function complete(context: CommandContext, text: string): CommandResult {
  return await withJob(context, text, async (job) => {
    const result = await job.complete();
    context.output.result(result, () => completedText(result));
  });
}

async function cancel(context: CommandContext, text: string): CommandResult {
  return await withJob(context, text, async (job) => {
    const result = await job.cancel();
    context.output.result(result, () => cancelledText(result));
  });
}

async function reset(context: CommandContext, { allUsers = false }: { allUsers?: boolean }): CommandResult {
  await context.withDaemon(async ({ jobs }) => {
    const results = await jobs.reset({ allUsers });
    context.output.result({ results }, () => {
      const count = `${results.length} ${results.length === 1 ? 'job' : 'jobs'} cancelled.`;
      return [...results.map(cancelledText), count].join('\n');
    });
  });
  return undefined;
}

/** What became of the files of a job that was completed. */
export function completedText({ code, job }: CallResult): string {
  const { total, transferred } = job.files;
  switch (code) {
    case 'BG_S_PARTIAL_COMPLETE':
      return `Completed job ${job.id} in part: ${transferred} of ${total} files are there, the others were deleted (${code}).`;
    case 'BG_S_UNABLE_TO_DELETE_FILES':
      return `Completed job ${job.id}, but temporary files are left over (${code}).`;
    default:
      return `Completed job ${job.id}: ${total === 1 ? '1 file' : `${total} files`}.`;
  }
}

function cancelledText({ code, job }: CallResult): string {
  const left = code === 'BG_S_UNABLE_TO_DELETE_FILES' ? `, but temporary files are left over (${code})` : '';
  return `Cancelled job ${job.id}${left}.`;
}
