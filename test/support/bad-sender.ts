/**
 * A real node, but one bit of everything it gives away while a file is still fetched by others is wrong, and so are the
 * hashes that it signs: for tests and benchmarks of what the others do about it. Takes the arguments of `nearbits`. The
 * product has no switch for this; here the methods by which it reads pieces for neighbours and signs for them are replaced
 * after their hashes were compared.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteRange } from '../../src/core/byte-range.ts';
import type { ByteSink } from '../../src/core/source.ts';
import type { PieceRun } from '../../src/plan/swarm/piece-set.ts';
import type { SharedPieces } from '../../src/serve/pieces/shared-pieces.ts';

const root = join(import.meta.dirname, '..', '..');
// In an image there are no sources.
const [folder, ending] = existsSync(join(root, 'src')) ? ['src', 'ts'] : ['dist', 'js'];
const load = (name: string) => import(join(root, folder, `${name}.${ending}`));

const { PartPieces } = (await load('serve/pieces/part-pieces')) as {
  PartPieces: { new (...args: never): SharedPieces; prototype: SharedPieces };
};
const { read } = PartPieces.prototype;
PartPieces.prototype.read = function (range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
  const spoil: ByteSink = (chunk) => {
    if (chunk.length > 0) chunk[0] = (chunk[0] as number) ^ 1;
    return sink(chunk);
  };
  return read.call(this, range, spoil, signal);
};

const { ReceiptBook } = (await load('serve/pieces/receipt-book')) as {
  ReceiptBook: { prototype: { receiptsFor(pieces: SharedPieces, run: PieceRun): string } };
};
const { receiptsFor } = ReceiptBook.prototype;
ReceiptBook.prototype.receiptsFor = function (pieces, run) {
  if (!(pieces instanceof PartPieces)) return receiptsFor.call(this, pieces, run);
  const hashOf = (piece: number) => pieces.hashOf(piece)?.map((byte) => byte ^ 1) ?? null;
  const { descriptorId } = pieces;
  return receiptsFor.call(this, { descriptorId, hashOf } as SharedPieces, run);
};

await ((await load('main')) as { main(): Promise<void> }).main();
