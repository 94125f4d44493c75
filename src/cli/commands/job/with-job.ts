import type { CallResult, JobView } from '../../../job/model/view.ts';
import type { NodeAccess } from '../../../sdk/access.ts';
import type { Job } from '../../../sdk/job.ts';
import type { CommandContext, CommandResult } from '../../context.ts';
import { findJob } from '../../input/find-job.ts';
import { nextStep } from '../../render/job.ts';

/** Runs `use` with the job that a person names, and the node that has it. @throws NearbitsError E_NOT_RUNNING, and what findJob throws */
export async function withJob(
  context: CommandContext,
  text: string,
  use: (job: Job, node: NodeAccess) => Promise<void>,
): CommandResult {
  await context.withDaemon(async (node) => await use(await findJob(node.jobs, text), node));
  return undefined;
}

/** Tells what was done with a job, and what a person does next with it. */
export function tellDone({ output }: CommandContext, job: JobView, done: string): void {
  output.result(job, () => done);
  const next = nextStep(job);
  if (next !== null) output.remark(next);
}

/** Tells the result of a call that may succeed with a remark; `unchanged` is said for S_FALSE. */
export function tellResult({ output }: CommandContext, result: CallResult, done: string, unchanged: string): void {
  output.result(result, () => (result.code === 'S_FALSE' ? `${unchanged} (S_FALSE)` : done));
}
