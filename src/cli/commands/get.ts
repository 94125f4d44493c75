import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { NearbitsError } from '../../core/errors.ts';
import { parseOriginUrl } from '../../core/url.ts';
import { isFinal, type TransferRequestInput, type TransferView } from '../../job/model/transfer-view.ts';
import type { GivenMetalink } from '../../job/model/view.ts';
import type { NodeAccess } from '../../sdk/access.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import { fileNameOf } from '../destination.ts';
import { EXIT } from '../exit.ts';
import { isMetalinkFile, readGivenMetalink, readMetalinkFile } from '../input/metalink.ts';
import type { Run } from '../program.ts';
import { ProgressLine } from '../render/progress.ts';
import { completedText } from '../render/transfer.ts';
import { StopSignal } from '../stop-signal.ts';

interface GetOptions {
  readonly output?: string;
  readonly range?: readonly string[];
  readonly sha256?: string;
  readonly metalink?: string;
  /** False after --no-peers. */
  readonly peers: boolean;
  /** False after --no-share. */
  readonly share: boolean;
  readonly foreground?: boolean;
  readonly overwrite?: boolean;
}

/** `nearbits get URL|DOCUMENT`: one transfer, by the running node or by one that lives as long as the transfer. */
export function addGetCommand(program: Command, run: Run): void {
  program
    .command('get')
    .description('fetch a URL into a file')
    .argument('<url>', 'http or https URL, or a Metalink file (.meta4, .metalink) that describes one')
    .option('-o, --output <file>', 'file to write (default: the name in the URL or document, in this directory)')
    .option('--range <first-last...>', 'only these bytes, both ends included, written back to back')
    .option('--sha256 <hex>', 'digest that the bytes written must have')
    .option('--metalink <file-or-url>', 'Metalink document that the file must match')
    .option('--no-peers', 'do not ask neighbours')
    .option('--no-share', 'do not offer the file to neighbours')
    .option('--overwrite', 'replace the file when it exists')
    .addOption(new Option('--foreground', 'wait less for neighbours and for other transfers').conflicts('background'))
    .addOption(new Option('--background', 'wait for neighbours and in the queue (default)'))
    .addHelpText(
      'after',
      `
Examples:
  nearbits get https://example.com/big.iso --metalink big.iso.meta4
  nearbits get big.iso.meta4`,
    )
    .action(run(get));
}

async function get(context: CommandContext, text: string, options: GetOptions): CommandResult {
  const { url, name, metalink } = await whatToGet(context, text, options.metalink);
  const request: TransferRequestInput = {
    url,
    destination: resolve(context.io.workingDir, options.output ?? name()),
    usePeers: options.peers,
    share: options.share,
    priority: options.foreground === true ? 'foreground' : 'background',
    overwrite: options.overwrite === true,
    ...(options.range === undefined ? {} : { ranges: [...options.range] }),
    ...(options.sha256 === undefined ? {} : { sha256: options.sha256 }),
    ...(metalink === null ? {} : { metalink }),
  };
  using stop = new StopSignal(context.io);
  const reach = { peers: options.peers || options.share, signal: stop.signal };
  const view = await context.withNode(reach, (node) => transfer(context, node, request, stop.signal));
  return report(context, view);
}

interface Wanted {
  readonly url: string;
  /** The name of the file in the URL or document. @throws NearbitsError E_DESTINATION when none is usable. */
  readonly name: () => string;
  readonly metalink: GivenMetalink | null;
}

async function whatToGet(context: CommandContext, text: string, metalink: string | undefined): Promise<Wanted> {
  if (!isMetalinkFile(text)) {
    const url = parseOriginUrl(text);
    const given = metalink === undefined ? null : await readGivenMetalink(context, metalink);
    return { url, name: () => fileNameOf(url), metalink: given };
  }
  if (metalink === undefined) return await readMetalinkFile(context, text);
  throw new NearbitsError('E_INVALIDARG', `${text.slice(0, 80)} is a Metalink document itself`, {
    hint: 'Leave out --metalink, or name the URL of the file.',
  });
}

/** Starts the transfer and follows it to its end; the signal cancels it. */
async function transfer(
  context: CommandContext,
  node: NodeAccess,
  request: TransferRequestInput,
  signal: AbortSignal,
): Promise<TransferView> {
  // Not stopped by the signal: an accepted transfer whose answer was not awaited could not be cancelled.
  let view = await node.transfers.start(request);
  const line = progressLine(context, request.destination);
  try {
    for await (view of node.transfers.watch(view.id, { signal })) line?.update(view);
  } catch (error) {
    if (!signal.aborted) throw error;
    view = await node.transfers.cancel(view.id);
  } finally {
    line?.end();
  }
  return isFinal(view.state) ? view : await node.transfers.get(view.id);
}

function progressLine({ io, clock, output }: CommandContext, destination: string): ProgressLine | null {
  if (output.json || !io.isTerminal) return null;
  const deps = { monotonicMs: clock.monotonicMs, columns: io.columns, write: io.err };
  return new ProgressLine(deps, { name: basename(destination) });
}

/** With --json a failed transfer is told beside its error. */
async function report({ output }: CommandContext, view: TransferView): CommandResult {
  if (view.state === 'completed') {
    output.result(view, () => completedText(view));
    return EXIT.ok;
  }
  const { code, message, hint, details } = view.error ?? {
    code: 'E_CANCELLED' as const,
    message: 'the transfer was cancelled',
    hint: null,
    details: {},
  };
  const explain = `Run "nearbits explain ${view.id}" to see every step.`;
  const error = new NearbitsError(code, message, { hint: hint ?? explain, details });
  return output.failure(error, { transfer: view });
}
