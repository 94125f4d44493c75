import type { Command } from 'commander';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';
import { explainText } from '../render/transfer.ts';

/** `nearbits explain ID`: why each byte of a transfer came from where it came. */
export function addExplainCommand(program: Command, run: Run): void {
  program
    .command('explain')
    .description('show every decision of a transfer and its reason')
    .argument('<id>', 'id of the transfer, from "nearbits status" or from the JSON of "nearbits get"')
    .action(run(explain));
}

async function explain(context: CommandContext, id: string): CommandResult {
  await context.withNode({ peers: false }, async ({ transfers }) => {
    const transfer = await transfers.get(id);
    const trace = await transfers.trace(id);
    context.output.result({ transfer, trace }, () => explainText(transfer, trace));
  });
  return undefined;
}
