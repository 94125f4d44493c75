import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CHUNK_BYTES, sharedChunks } from '../../src/core/chunk-pool.ts';
import type { NearbitsError } from '../../src/core/errors.ts';
import type { SharedPieces } from '../../src/serve/pieces/shared-pieces.ts';
import { anchoredPieces } from '../support/shared-part.ts';

/** Pieces to share, and how to harm what they are read from. */
export interface PiecesUnderTest extends AsyncDisposable {
  readonly pieces: SharedPieces;
  /** Turns one bit of the content where it lies. */
  damage(offset: number): Promise<void>;
}

/** Makes pieces to share of this content, all of which can be given. */
export type MakePieces = (content: Buffer, pieceSize: number) => Promise<PiecesUnderTest>;

const MIB = 1024 * 1024;
const never = new AbortController().signal;

/** The rules of {@link SharedPieces}, to be run over every implementation, for each piece size that it knows. */
export function sharedPiecesContract(name: string, pieceSizes: readonly number[], make: MakePieces): void {
  describe.each(pieceSizes)(`${name} with pieces of %s bytes`, (pieceSize) => {
    // Three and a half pieces, or some hundred small ones.
    const size = Math.floor(3.5 * Math.max(pieceSize, MIB));
    const content = randomBytes(size);
    const count = Math.ceil(size / pieceSize);
    const rangeOf = (first: number, end: number) => ({
      start: first * pieceSize,
      end: Math.min(end * pieceSize, size),
    });
    const read = async (sut: PiecesUnderTest, first: number, end: number) => {
      const chunks: Buffer[] = [];
      const range = rangeOf(first, end);
      const take = (chunk: Uint8Array) => void chunks.push(Buffer.from(chunk));
      const failure = await sut.pieces.read(range, take, never).then(
        () => null,
        (error: NearbitsError) => error,
      );
      return { failure, got: Buffer.concat(chunks), longest: Math.max(0, ...chunks.map(({ length }) => length)) };
    };

    test('names what it gives', async () => {
      await using sut = await make(content, pieceSize);
      const { pieces } = anchoredPieces(content, pieceSize);
      expect([sut.pieces.size, sut.pieces.pieceSize, sut.pieces.descriptorId.length]).toEqual([size, pieceSize, 32]);
      for (const [index, hash] of pieces.entries()) {
        expect(Buffer.from(sut.pieces.hashOf(index) as Uint8Array)).toEqual(Buffer.from(hash));
      }
      expect([sut.pieces.hashOf(count), sut.pieces.hashOf(-1)]).toEqual([null, null]);
    });

    test('hands out exactly the asked pieces, in order, in chunks of at most 1 MiB', async () => {
      await using sut = await make(content, pieceSize);
      for (const [first, end] of [
        [0, 1],
        [0, count],
        [1, 3],
        [count - 1, count],
      ] as const) {
        const { start, end: stop } = rangeOf(first, end);
        const { failure, got, longest } = await read(sut, first, end);
        expect(failure).toBeNull();
        expect(got.equals(content.subarray(start, stop))).toBe(true);
        expect(longest).toBeLessThanOrEqual(CHUNK_BYTES);
      }
    });

    test('hands out nothing of a damaged piece', async () => {
      await using sut = await make(content, pieceSize);
      const { start, end } = rangeOf(1, 2);
      await sut.damage(end - 1);
      const { failure, got } = await read(sut, 0, count);
      expect(failure?.code).toBe('E_CACHE_DAMAGED');
      expect(got.length).toBeLessThanOrEqual(start);
      expect(got.equals(content.subarray(0, got.length))).toBe(true);
    });

    test('waits for its sink', async () => {
      await using sut = await make(content, pieceSize);
      const taken = Promise.withResolvers<void>();
      let chunks = 0;
      const reading = sut.pieces.read(
        rangeOf(0, count),
        async () => {
          chunks++;
          await taken.promise;
        },
        never,
      );
      await expect.poll(() => chunks).toBe(1);
      taken.resolve();
      await reading;
      expect(chunks).toBeGreaterThan(1);
    });

    test('lets its chunks be given back at once', async () => {
      await using sut = await make(content, pieceSize);
      const got: Buffer[] = [];
      const sink = (chunk: Uint8Array) => {
        got.push(Buffer.from(chunk));
        sharedChunks.giveBack(chunk);
      };
      await sut.pieces.read(rangeOf(0, count), sink, never);
      expect(Buffer.concat(got).equals(content)).toBe(true);
    });

    test('gives the same to several at once', async () => {
      await using sut = await make(content, pieceSize);
      const all = await Promise.all([read(sut, 0, count), read(sut, 0, count), read(sut, 1, count)]);
      const right = [content, content, content.subarray(pieceSize)];
      for (const [index, { got }] of all.entries()) expect(got.equals(right[index] as Buffer)).toBe(true);
    });

    test('stops when its signal aborts', async () => {
      await using sut = await make(content, pieceSize);
      const stop = new AbortController();
      const reason = new Error('enough');
      let chunks = 0;
      const sink = () => {
        chunks++;
        stop.abort(reason);
      };
      await expect(sut.pieces.read(rangeOf(0, count), sink, stop.signal)).rejects.toBe(reason);
      expect(chunks).toBe(1);
    });

    test('fails with what its sink throws', async () => {
      await using sut = await make(content, pieceSize);
      const full = new Error('full');
      const sink = () => {
        throw full;
      };
      await expect(sut.pieces.read(rangeOf(0, count), sink, never)).rejects.toBe(full);
    });
  });
}
