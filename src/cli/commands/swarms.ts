import type { Command } from 'commander';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';
import { swarmsText } from '../render/swarm.ts';

/** `nearbits swarms`: what the running node fetches and gives together with its neighbours. */
export function addSwarmsCommand(program: Command, run: Run): void {
  program
    .command('swarms')
    .description('show what the running node fetches and gives together with its neighbours now')
    .option('--partners', 'name the neighbours too, and what each of them has')
    .action(run(swarms));
}

async function swarms(context: CommandContext, options: { partners?: boolean }): CommandResult {
  await context.withDaemon(async (node) => {
    const list = await node.swarms();
    const showPartners = options.partners === true;
    context.output.result({ swarms: list }, () => swarmsText(list, context.clock.wallMs(), showPartners));
  });
  return undefined;
}
