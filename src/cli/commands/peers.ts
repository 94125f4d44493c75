import type { Command } from 'commander';
import { printDuration } from '../../core/units.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';
import { peersTable } from '../render/status.ts';

/** `nearbits peers`: the neighbours the running node knows. */
export function addPeersCommand(program: Command, run: Run): void {
  program
    .command('peers')
    .description('list the neighbours the running node knows')
    .option('--discover', 'look for neighbours first; nothing is sent within 10 minutes of the last time')
    .option('--clear', 'forget all neighbours first, which also allows to look for them at once')
    .action(run(peers));
}

async function peers(context: CommandContext, options: { discover?: boolean; clear?: boolean }): CommandResult {
  await context.withDaemon(async (node) => {
    if (options.clear === true) await node.clearPeers();
    const discovery = options.discover === true ? await node.discoverPeers() : null;
    if (discovery?.sent === false) {
      const wait =
        discovery.suppressedMs === null ? '' : `; possible again in ${printDuration(discovery.suppressedMs)}`;
      context.output.remark(`no probe was sent, because one was sent shortly before${wait} (or at once with --clear)`);
    }
    const list = await node.peers();
    context.output.result({ peers: list, discovery }, () => peersTable(list, context.clock.wallMs()));
  });
  return undefined;
}
