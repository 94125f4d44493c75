import { Command, CommanderError } from 'commander';
import { NearbitsError } from '../core/errors.ts';
import { addCacheCommands } from './commands/cache.ts';
import { addConfigCommands } from './commands/config.ts';
import { addDescribeCommand } from './commands/describe.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addDomainCommands } from './commands/domain.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addGetCommand } from './commands/get.ts';
import { addJobCommands } from './commands/job.ts';
import { addPeersCommand } from './commands/peers.ts';
import { addStatusCommand } from './commands/status.ts';
import { addSwarmsCommand } from './commands/swarms.ts';
import { addTransferCommand } from './commands/transfer.ts';
import { addUpCommand } from './commands/up.ts';
import { addUserCommands } from './commands/user.ts';
import { addVersionCommand } from './commands/version.ts';
import { type CliDeps, CommandContext, type CommandResult, type GlobalOptions } from './context.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { Output } from './output.ts';

/** Adds a command's action: the framework hands it its context, its arguments and its options, and minds the end. */
export type Run = <Args extends unknown[]>(
  action: (context: CommandContext, ...args: Args) => CommandResult,
) => (...args: unknown[]) => Promise<void>;

/**
 * Runs one command line (without the program's name) and returns its exit code. Nothing is thrown: every failure has
 * been told when this resolves.
 */
export async function runCli(args: readonly string[], deps: CliDeps): Promise<ExitCode> {
  let exit: ExitCode = EXIT.ok;
  const run: Run =
    (action) =>
    async (...given) => {
      // Commander passes the arguments, then the options, then the command itself.
      const command = given.pop() as Command;
      const context = new CommandContext(deps, command.optsWithGlobals<GlobalOptions>());
      try {
        exit = (await action(context, ...(given as never))) ?? EXIT.ok;
      } catch (error) {
        exit = context.output.failure(error);
      }
    };
  try {
    await createProgram(deps, run).parseAsync([...args], { from: 'user' });
    return exit;
  } catch (error) {
    return endOfParsing(error, new Output(deps.io, { json: args.includes('--json') }));
  }
}

function createProgram({ io }: CliDeps, run: Run): Command {
  const program = new Command('nearbits')
    .description('Fetch a file once from the internet, then from the neighbour.')
    .option('--json', 'print one JSON value')
    .option('--data-dir <dir>', 'data directory (NEARBITS_DATA_DIR)')
    .option('--config-file <file>', 'preferences (NEARBITS_CONFIG)')
    .option('--policy-file <file>', 'policy (NEARBITS_POLICY)')
    .option('--socket <path>', 'socket of the local API (NEARBITS_SOCKET)')
    .option('--api <url>', 'local API over TCP instead of the socket, such as http://127.0.0.1:21783 (NEARBITS_API)')
    .option('--token <token>', 'act as the user with this token; other users see it here, so better NEARBITS_TOKEN')
    .showHelpAfterError(false)
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: () => {}, getOutHelpWidth: () => io.columns() })
    .exitOverride()
    .addHelpText('after', EXIT_HELP);
  addUpCommand(program, run);
  addGetCommand(program, run);
  addTransferCommand(program, run);
  addJobCommands(program, run);
  addStatusCommand(program, run);
  addPeersCommand(program, run);
  addSwarmsCommand(program, run);
  addCacheCommands(program, run);
  addExplainCommand(program, run);
  addDescribeCommand(program, run);
  addConfigCommands(program, run);
  addDoctorCommand(program, run);
  addDomainCommands(program, run);
  addUserCommands(program, run);
  addVersionCommand(program, run);
  inherit(program);
  return program;
}

const EXIT_HELP = `
Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 configuration or membership, 4 not found,
5 a node runs or does not run, 6 origin, 7 digest does not match, 8 destination or disk, 9 busy,
10 neighbour, 11 the state of a job or a limit forbids it, 130 stopped by the user.`;

/** Options of the program may stand after the command too, and all commands report mistakes in the same way. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent);
    if (!command.options.some(({ long }) => long === '--json')) command.option('--json', 'print one JSON value');
    inherit(command);
  }
}

function endOfParsing(error: unknown, output: Output): ExitCode {
  if (!(error instanceof CommanderError)) return output.failure(error);
  if (error.exitCode === 0) return EXIT.ok; // help was asked for and printed
  const message = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  const hint = 'Run "nearbits --help", or "nearbits COMMAND --help".';
  // Commander prints its help instead of a message when a command is missing.
  return output.failure(
    new NearbitsError('E_INVALID_ARGUMENT', message === '(outputHelp)' ? 'a command is missing' : message, { hint }),
  );
}
