import { processIo } from './cli/process-io.ts';
import { runCli } from './cli/program.ts';
import { systemClock } from './core/clock.ts';

/** Runs the command line of this process; used by bin/nearbits.js. */
export async function main(): Promise<void> {
  process.exitCode = await runCli(process.argv.slice(2), {
    io: processIo(),
    clock: systemClock,
    // Loaded when a command runs a node itself; the others start without its libraries.
    createNode: async (options) => (await import('./node.ts')).createNode(options),
  });
}
