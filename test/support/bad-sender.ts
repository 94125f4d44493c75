/**
 * A real node, but one bit of everything it gives away while a file is still fetched by others is wrong: for tests and
 * benchmarks of what the others do about it. Takes the arguments of `nearbits`. The product has no switch for this; here
 * the method by which it reads pieces for neighbours is replaced after their hashes were compared.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteRange } from '../../src/core/byte-range.ts';
import type { ByteSink } from '../../src/core/source.ts';
import type { SharedPieces } from '../../src/serve/pieces/shared-pieces.ts';

const root = join(import.meta.dirname, '..', '..');
// In an image there are no sources.
const [folder, ending] = existsSync(join(root, 'src')) ? ['src', 'ts'] : ['dist', 'js'];
const load = (name: string) => import(join(root, folder, `${name}.${ending}`));

const { PartPieces } = (await load('serve/pieces/part-pieces')) as { PartPieces: { prototype: SharedPieces } };
const { read } = PartPieces.prototype;
PartPieces.prototype.read = function (range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
  const spoil: ByteSink = (chunk) => {
    if (chunk.length > 0) chunk[0] = (chunk[0] as number) ^ 1;
    return sink(chunk);
  };
  return read.call(this, range, spoil, signal);
};

await ((await load('main')) as { main(): Promise<void> }).main();
