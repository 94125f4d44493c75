import type { Command } from 'commander';
import type { NodeStatus } from '../../api/views.ts';
import { toNearbitsError } from '../../core/errors.ts';
import type { CommandContext } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { NodeHandle } from '../node-handle.ts';
import type { Run } from '../program.ts';

/** `nearbits up`: the daemon, in the foreground. */
export function addUpCommand(program: Command, run: Run): void {
  program
    .command('up')
    .description('run the node until it is stopped; SIGHUP reads the configuration again')
    .action(run(up));
}

async function up(context: CommandContext): Promise<ExitCode> {
  const stop = new AbortController();
  let signals = 0;
  const endStop = context.io.onStopSignal(() => {
    signals++;
    // Whoever asks twice does not want to wait for transfers to be put away; the next start repairs what is left.
    if (signals > 1) context.io.exitNow(EXIT.cancelled);
    else stop.abort();
  });
  try {
    await using node = await context.startDaemon(stop.signal);
    const endReload = context.io.onReloadSignal(() => void reload(context, node));
    const ready = await readyInfo(node);
    context.output.result(ready, () => readyText(ready));
    await node.stopRequested;
    endReload();
    context.output.remark('stopping');
    return EXIT.ok;
  } catch (error) {
    if (stop.signal.aborted && toNearbitsError(error).code === 'E_CANCELLED') return EXIT.ok;
    throw error;
  } finally {
    endStop();
  }
}

async function reload(context: CommandContext, node: NodeHandle): Promise<void> {
  try {
    const { changedKeys } = await node.backend.reload();
    context.output.remark(
      changedKeys.length === 0 ? 'reloaded: nothing changed' : `reloaded: ${changedKeys.join(', ')}`,
    );
  } catch (error) {
    context.output.remark(`not reloaded: ${toNearbitsError(error).message}`);
  }
}

/** What a program that started the node wants to know first. */
interface ReadyInfo {
  readonly nodeId: string;
  readonly version: string;
  readonly pid: number;
  /** Name of the domain, or null. */
  readonly domain: string | null;
  /** Open ports for neighbours; null where nothing listens. */
  readonly ports: NodeStatus['ports'];
  readonly socket: string;
  readonly dataDir: string;
}

async function readyInfo({ backend, paths }: NodeHandle): Promise<ReadyInfo> {
  const { nodeId, version, pid, domain, ports } = await backend.status();
  const { socketPath: socket, dataDir } = paths;
  return { nodeId, version, pid, domain: domain?.name ?? null, ports, socket, dataDir };
}

function readyText({ nodeId, domain, socket, ports }: ReadyInfo): string {
  const member = domain === null ? 'in no domain' : `in the domain "${domain}"`;
  const open = Object.entries(ports).flatMap(([name, port]) => (port === null ? [] : [`${name} ${port}`]));
  return `ready: node ${nodeId}, ${member}, ${open.length === 0 ? 'no ports open' : open.join(', ')}, socket ${socket}`;
}
