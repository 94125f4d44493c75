import type { Command } from 'commander';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';
import { statusText } from '../render/status.ts';

const SHOWN_TRANSFERS = 10;

/** `nearbits status`: the running node at a glance. */
export function addStatusCommand(program: Command, run: Run): void {
  program.command('status').description('show the running node and its last transfers').action(run(status));
}

async function status(context: CommandContext): CommandResult {
  await context.withDaemon(async (node) => {
    const [now, transfers] = await Promise.all([node.status(), node.transfers.list()]);
    const recentTransfers = transfers.slice(0, SHOWN_TRANSFERS);
    context.output.result({ ...now, recentTransfers }, () => statusText(now, recentTransfers, context.clock.wallMs()));
  });
  return undefined;
}
