import type { Command } from 'commander';
import { NearbitsError } from '../../core/errors.ts';
import type { TransferView } from '../../job/transfer-view.ts';
import type { NodeAccess } from '../../sdk/access.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import { findJob, jobIdIn } from '../input/find-job.ts';
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
    const transfer = await findTransfer(node, text);
    if (transfer !== null) {
      const trace = await node.transfers.trace(transfer.id);
      context.output.result({ transfer, trace }, () => explainText(transfer, trace));
      return;
    }
    const job = await findJob(node.jobs, text);
    const [view, files, trace] = [await job.get(), await job.files(), await job.trace()];
    context.output.result({ job: view, files, trace }, () =>
      explainJobText(view, files, trace, context.clock.wallMs()),
    );
  });
  return undefined;
}

/** Transfers are jobs too, but not all jobs are transfers. */
async function findTransfer({ transfers }: NodeAccess, text: string): Promise<TransferView | null> {
  const id = jobIdIn(text);
  if (id === null) return null;
  try {
    return await transfers.get(id);
  } catch (error) {
    if (error instanceof NearbitsError && error.code === 'E_NOT_FOUND') return null;
    throw error;
  }
}
