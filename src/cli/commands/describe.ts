import { access } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { parseSize } from '../../config/quantity.ts';
import { describeFile } from '../../content/describe-file.ts';
import { type DescribedFile, printMetalink } from '../../content/write-metalink.ts';
import { NearbitsError, toNearbitsError } from '../../core/errors.ts';
import { printBytes } from '../../core/units.ts';
import { parseOriginUrl } from '../../core/url.ts';
import { VERSION } from '../../platform/version.ts';
import { writeFileAtomically } from '../../platform/write-file.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';
import { ProgressLine } from '../render/progress.ts';
import { plain } from '../render/table.ts';
import { StopSignal } from '../stop-signal.ts';

interface DescribeOptions {
  readonly url?: readonly string[];
  readonly pieceSize?: string;
  readonly output?: string;
  readonly overwrite?: boolean;
}

/** `nearbits describe FILE`: writes a Metalink document, without any node. */
export function addDescribeCommand(program: Command, run: Run): void {
  program
    .command('describe')
    .description('write a Metalink document about a file: size, SHA-256 of the whole and of its pieces')
    .argument('<file>', 'file to describe')
    .option('--url <url...>', 'where it can be had; can be repeated, the best first')
    .option('--piece-size <size>', 'such as 4MiB: a power of two of at least 1 MiB (default: what nodes use)')
    .option('-o, --output <file>', 'file to write (default: standard output)')
    .option('--overwrite', 'replace the output when it exists')
    .addHelpText(
      'after',
      `
An origin that names the document in a header lets nodes prove each piece as soon as it is there:
  Link: <big.iso.meta4>; rel=describedby; type="application/metalink4+xml"

Example:
  nearbits describe big.iso --url https://example.com/big.iso -o big.iso.meta4`,
    )
    .action(run(describe));
}

async function describe(context: CommandContext, name: string, options: DescribeOptions): CommandResult {
  const { workingDir } = context.io;
  const urls = (options.url ?? []).map(parseOriginUrl);
  const pieceSize = options.pieceSize === undefined ? null : readPieceSize(options.pieceSize);
  const output = options.output === undefined ? null : resolve(workingDir, options.output);
  if (output !== null && options.overwrite !== true) await refuseExisting(output);
  const file = { ...(await hashed(context, resolve(workingDir, name), pieceSize)), urls };
  const text = printMetalink(file, `nearbits/${VERSION}`);
  if (output !== null) await write(output, text);
  context.output.result(factsOf(file, output), () => (output === null ? text : doneText(file, output)));
  return undefined;
}

async function hashed(context: CommandContext, path: string, pieceSize: number | null) {
  using stop = new StopSignal(context.io);
  const line = progressLine(context, path);
  const onProgress = (bytesDone: number, bytesTotal: number): void =>
    line?.update({ state: 'running', bytesDone, bytesTotal, bytesFromPeers: 0 });
  try {
    return await describeFile(path, { pieceSize, onProgress, signal: stop.signal });
  } finally {
    line?.end();
  }
}

function progressLine({ io, clock, output }: CommandContext, path: string): ProgressLine | null {
  if (output.json || !io.isTerminal) return null;
  const deps = { monotonicMs: clock.monotonicMs, columns: io.columns, write: io.err };
  return new ProgressLine(deps, { name: basename(path) });
}

function readPieceSize(text: string): number {
  const size = parseSize(text);
  if (size !== null) return size;
  throw new NearbitsError('E_INVALIDARG', `"${text.slice(0, 40)}" is no size`, { hint: 'Write a size such as 4MiB.' });
}

async function refuseExisting(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  throw new NearbitsError('E_DESTINATION', `${path} exists already`, { hint: 'Add --overwrite to replace it.' });
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFileAtomically(path, text, 0o644);
  } catch (error) {
    throw toNearbitsError(error, 'E_DESTINATION');
  }
}

function factsOf({ sha256, pieces, ...rest }: DescribedFile, output: string | null): object {
  return { ...rest, sha256: hex(sha256), pieces: pieces.map(hex), output };
}

function doneText({ size, sha256, pieces, pieceSize }: DescribedFile, output: string): string {
  return [
    `${plain(output, 1000)}: ${printBytes(size)} in ${pieces.length} pieces of ${printBytes(pieceSize)}`,
    `  sha256 ${hex(sha256)}`,
  ].join('\n');
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex');
}
