import { describe, expect, test } from 'vitest';
import { type ByteRange, rangeLength } from '../../src/core/byte-range.ts';
import type { NearbitsError } from '../../src/core/errors.ts';
import type { Source } from '../../src/core/source.ts';
import type { Content } from '../support/origin-script.ts';

/** How the sender behind a source behaves in one test of the contract. */
export type SenderScript =
  /** Sends everything. */
  | { readonly kind: 'sound' }
  /** Sends so many bytes of each range, then nothing more, and keeps the connection. */
  | { readonly kind: 'stalls'; readonly afterBytes: number }
  /** Sends so many bytes of each range, then goes away. */
  | { readonly kind: 'cuts'; readonly afterBytes: number };

/** A source with what it stands for. */
export interface SourceUnderTest extends AsyncDisposable {
  readonly source: Source;
  /** Bytes the sender has given away so far; the bound on what may be buffered in between is 32 MiB. */
  bytesSent(): number;
}

/** Makes a source that delivers `content` from a sender that behaves as told. */
export type MakeSource = (content: Content, script: SenderScript) => Promise<SourceUnderTest>;

const MIB = 1024 * 1024;
const CODED = /^E_(ORIGIN|PEER|CACHE)_/;

/**
 * The rules of the Source interface, to be run over every implementation. `content` must hold at least 64 MiB.
 */
export function sourceContract(name: string, content: Content, make: MakeSource): void {
  describe(`${name} keeps the contract of a source`, () => {
    const ranges: readonly ByteRange[] = [
      { start: 0, end: 1 },
      { start: 0, end: 3 * MIB },
      { start: MIB - 1, end: MIB + 1 },
      { start: 777, end: 2 * MIB + 333 },
      { start: content.size - 1, end: content.size },
    ];

    for (const range of ranges) {
      test(`delivers exactly the bytes ${range.start} to ${range.end}, in order`, async () => {
        await using sut = await make(content, { kind: 'sound' });
        const got = collector();
        await sut.source.fetch(range, got.sink, never());
        expect(got.bytes().equals(content.read(range.start, range.end))).toBe(true);
      });
    }

    test('gives nothing for an empty range', async () => {
      await using sut = await make(content, { kind: 'sound' });
      const got = collector();
      await sut.source.fetch({ start: 5, end: 5 }, got.sink, never());
      expect(got.bytes()).toHaveLength(0);
    });

    test('serves several ranges at once', async () => {
      await using sut = await make(content, { kind: 'sound' });
      await Promise.all(
        ranges.map(async (range) => {
          const got = collector();
          await sut.source.fetch(range, got.sink, never());
          expect(got.bytes()).toHaveLength(rangeLength(range));
        }),
      );
    });

    test('hands over one chunk at a time when the sink returns promises', async () => {
      await using sut = await make(content, { kind: 'sound' });
      let taking = 0;
      let most = 0;
      let received = 0;
      const sink = async (chunk: Uint8Array) => {
        most = Math.max(most, ++taking);
        await new Promise((resolve) => setImmediate(resolve));
        received += chunk.length;
        taking--;
      };
      await sut.source.fetch({ start: 0, end: 3 * MIB }, sink, never());
      expect({ most, taking, received }).toEqual({ most: 1, taking: 0, received: 3 * MIB });
    });

    test('stops the sender while the sink holds back', async () => {
      await using sut = await make(content, { kind: 'sound' });
      const gate = Promise.withResolvers<void>();
      const abort = new AbortController();
      const done = failure(sut.source.fetch({ start: 0, end: content.size }, () => gate.promise, abort.signal));
      await settled(() => sut.bytesSent());
      expect(sut.bytesSent()).toBeLessThan(32 * MIB);
      abort.abort();
      expect((await done).code).toBe('E_CANCELLED');
      gate.resolve();
    });

    test('goes on where it was after the sink held back', async () => {
      await using sut = await make(content, { kind: 'sound' });
      const gate = Promise.withResolvers<void>();
      const range = { start: 100, end: 8 * MIB };
      const got = collector();
      let first = true;
      const done = sut.source.fetch(
        range,
        (chunk) => {
          got.sink(chunk);
          if (!first) return;
          first = false;
          return gate.promise;
        },
        never(),
      );
      await settled(() => sut.bytesSent());
      gate.resolve();
      await done;
      expect(got.bytes().equals(content.read(range.start, range.end))).toBe(true);
    });

    test('fails with E_CANCELLED when the signal aborted before', async () => {
      await using sut = await make(content, { kind: 'sound' });
      const got = collector();
      const error = await failure(sut.source.fetch({ start: 0, end: MIB }, got.sink, AbortSignal.abort()));
      expect(error.code).toBe('E_CANCELLED');
      expect(got.bytes()).toHaveLength(0);
    });

    test('fails with E_CANCELLED when the signal aborts while the sender is silent', async () => {
      await using sut = await make(content, { kind: 'stalls', afterBytes: MIB });
      const abort = new AbortController();
      const got = collector();
      const done = failure(sut.source.fetch({ start: 0, end: 2 * MIB }, got.sink, abort.signal));
      await expect.poll(() => got.bytes().length > 0).toBe(true);
      abort.abort();
      expect((await done).code).toBe('E_CANCELLED');
      const before = got.bytes().length;
      await new Promise((resolve) => setImmediate(resolve));
      expect(got.bytes()).toHaveLength(before);
    });

    test('fails with a code of its own kind when the sender goes away, and what came is right', async () => {
      await using sut = await make(content, { kind: 'cuts', afterBytes: MIB });
      const got = collector();
      const error = await failure(sut.source.fetch({ start: 10, end: 2 * MIB }, got.sink, never()));
      expect(error.code).toMatch(CODED);
      expect(got.bytes().equals(content.read(10, 10 + got.bytes().length))).toBe(true);
    });

    test('passes on what the sink throws and takes no more from the sender', async () => {
      await using sut = await make(content, { kind: 'sound' });
      const broken = new Error('the disk is gone');
      let calls = 0;
      const sink = () => {
        calls++;
        throw broken;
      };
      expect(await failure(sut.source.fetch({ start: 0, end: 4 * MIB }, sink, never()))).toBe(broken);
      expect(calls).toBe(1);
    });

    test('passes on what the sink rejects with', async () => {
      await using sut = await make(content, { kind: 'sound' });
      const broken = new Error('the disk is gone');
      const sink = () => Promise.reject(broken);
      expect(await failure(sut.source.fetch({ start: 0, end: 4 * MIB }, sink, never()))).toBe(broken);
    });

    test('works again after a fetch that failed', async () => {
      await using sut = await make(content, { kind: 'sound' });
      await failure(sut.source.fetch({ start: 0, end: 4 * MIB }, () => Promise.reject(new Error('no')), never()));
      const got = collector();
      await sut.source.fetch({ start: 0, end: MIB }, got.sink, never());
      expect(got.bytes().equals(content.read(0, MIB))).toBe(true);
    });
  });
}

function never(): AbortSignal {
  return new AbortController().signal;
}

function collector() {
  const chunks: Uint8Array[] = [];
  return { sink: (chunk: Uint8Array) => void chunks.push(chunk), bytes: () => Buffer.concat(chunks) };
}

async function failure(promise: Promise<unknown>): Promise<NearbitsError> {
  return await promise.then(
    () => expect.unreachable('the fetch should have failed'),
    (error: unknown) => error as NearbitsError,
  );
}

// Waits until a number above zero has stayed the same for three looks.
async function settled(read: () => number): Promise<void> {
  let last = -1;
  let same = 0;
  await expect
    .poll(
      () => {
        const now = read();
        same = now > 0 && now === last ? same + 1 : 0;
        last = now;
        return same;
      },
      { interval: 30, timeout: 10_000 },
    )
    .toBeGreaterThanOrEqual(3);
}
