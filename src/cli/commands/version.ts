import type { Command } from 'commander';
import { VERSION } from '../../platform/version.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';

/** `nearbits version`. */
export function addVersionCommand(program: Command, run: Run): void {
  program.command('version').description('print the version').action(run(version));
}

async function version({ output }: CommandContext): CommandResult {
  const value = { version: VERSION, runtime: process.version, platform: `${process.platform}-${process.arch}` };
  output.result(value, () => `nearbits ${value.version} (Node.js ${value.runtime}, ${value.platform})`);
  return undefined;
}
