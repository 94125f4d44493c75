import type { Command } from 'commander';
import type { JobView } from '../../../job/model/view.ts';
import type { Jobs } from '../../../sdk/jobs.ts';
import type { CommandContext, CommandResult } from '../../context.ts';
import type { Run } from '../../program.ts';
import { countText, errorText, jobTable, jobText } from '../../render/job.ts';
import { filesTable } from '../../render/job-files.ts';
import { plain } from '../../render/table.ts';
import { withJob } from './with-job.ts';

/** `nearbits job ls|info|files|errors`. */
export function addLookCommands(job: Command, run: Run): void {
  job
    .command('ls')
    .description('list your jobs')
    .option('--all-users', 'jobs of all users; needs an administrator')
    .option('--ended', 'also jobs that are complete or cancelled')
    .option('--verbose', 'everything about each job')
    .action(run(list));
  job
    .command('info')
    .description('show one job')
    .argument('<job>', 'id or name')
    .option('--verbose', 'also its properties and files')
    .action(run(info));
  job.command('files').description('list the files of a job').argument('<job>', 'id or name').action(run(files));
  job
    .command('errors')
    .description('show why a job is in error, and what to do')
    .argument('<job>', 'id or name')
    .action(run(errors));
}

interface ListOptions {
  readonly allUsers?: boolean;
  readonly ended?: boolean;
  readonly verbose?: boolean;
}

async function list(context: CommandContext, { allUsers = false, ended = false, verbose }: ListOptions): CommandResult {
  await context.withDaemon(async (node) => {
    const jobs = await listedJobs(node.jobs, { allUsers, ended });
    context.output.result({ jobs }, () => {
      if (jobs.length === 0) return 'no jobs';
      if (verbose === true) return jobs.map((view) => jobText(view, context.clock.wallMs(), true)).join('\n\n');
      return jobTable(jobs, allUsers);
    });
    if (jobs.length > 0) context.output.remark(`Listed ${countText(jobs)}.`);
  });
  return undefined;
}

/** The jobs as they are now, in the order of their ids. */
export async function listedJobs(
  jobs: Jobs,
  filter: { readonly allUsers: boolean; readonly ended: boolean; readonly signal?: AbortSignal },
): Promise<JobView[]> {
  const views: JobView[] = [];
  for await (const { view } of jobs.list(filter)) if (view !== null) views.push(view);
  return views;
}

async function info(context: CommandContext, text: string, { verbose }: { verbose?: boolean }): CommandResult {
  return await withJob(context, text, async (job) => {
    const view = await job.get();
    if (verbose !== true) {
      context.output.result(view, () => jobText(view, context.clock.wallMs()));
      return;
    }
    const all = await job.files();
    const block = jobText(view, context.clock.wallMs(), true);
    context.output.result({ ...view, fileList: all }, () =>
      all.length === 0 ? block : `${block}\n\n${filesTable(all)}`,
    );
  });
}

async function files(context: CommandContext, text: string): CommandResult {
  return await withJob(context, text, async (job) => {
    const all = await job.files();
    context.output.result({ files: all }, () => (all.length === 0 ? 'the job has no files' : filesTable(all)));
  });
}

async function errors(context: CommandContext, text: string): CommandResult {
  return await withJob(context, text, async (job) => {
    const error = await job.error();
    const { retryAtMs, errorCount, properties } = await job.get();
    context.output.result({ ...error, errorCount, retryAtMs }, () => {
      const head = `${plain(properties.displayName, 256)}: ${errorCount} error${errorCount === 1 ? '' : 's'} so far, the last one:`;
      return `${head}\n${errorText(error, context.clock.wallMs(), retryAtMs)}`;
    });
  });
}
