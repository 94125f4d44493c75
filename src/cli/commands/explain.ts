import type { Command } from 'commander';
import { NearbitsError } from '../../core/errors.ts';
import type { JobView } from '../../job/model/view.ts';
import type { NodeAccess } from '../../sdk/access.ts';
import type { Job } from '../../sdk/job.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import { findJob } from '../input/find-job.ts';
import type { Run } from '../program.ts';
import { explainJobText } from '../render/job.ts';
import { explainText } from '../render/transfer.ts';

/** `nearbits explain ID`: why each byte of a transfer or job came from where it came. */
export function addExplainCommand(program: Command, run: Run): void {
  program
    .command('explain')
    .description('show every decision of a transfer or job and its reason')
    .argument('<id>', 'id of a transfer, from "nearbits status" or the JSON of "nearbits get"; id or name of a job')
    .action(run(explain));
}

async function explain(context: CommandContext, text: string): CommandResult {
  await context.withNode({ peers: false }, async (node) => {
    const job = await findJob(node.jobs, text);
    const view = await viewOf(job);
    if (view === null || isTransfer(view)) return await explainTransfer(context, node, job.id);
    const files = await job.files();
    const trace = await job.trace();
    context.output.result({ job: view, files, trace }, () =>
      explainJobText(view, files, trace, context.clock.wallMs()),
    );
  });
  return undefined;
}

/** The job as it is now, or null when there is none with this id. */
async function viewOf(job: Job): Promise<JobView | null> {
  try {
    return await job.get();
  } catch (error) {
    if (error instanceof NearbitsError && error.code === 'BG_E_NOT_FOUND') return null;
    throw error;
  }
}

/** Transfers are jobs of one file that complete themselves. */
function isTransfer({ properties, files }: JobView): boolean {
  return properties.autoComplete && files.total === 1;
}

async function explainTransfer({ output }: CommandContext, { transfers }: NodeAccess, id: string): Promise<void> {
  const transfer = await transfers.get(id);
  const trace = await transfers.trace(id);
  output.result({ transfer, trace }, () => explainText(transfer, trace));
}
