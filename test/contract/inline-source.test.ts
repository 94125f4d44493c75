import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { cutIntoPieces } from '../../src/core/pieces.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import type { Source } from '../../src/core/source.ts';
import { inlineSource } from '../../src/peer/inline-source.ts';
import { PseudoRandomFile } from '../support/pseudo-random-file.ts';
import { ScriptedSource } from '../support/scripted-source.ts';
import { sourceContract } from './source.ts';

const MIB = 1024 * 1024;
const content = new PseudoRandomFile({ size: 64 * MIB, seed: 'contract' });
const noContent = { pieces: [], inline: new Uint8Array() };

/** All of the content as one answer, far larger than an answer may be, which is not the business of the source. */
const whole = {
  pieces: cutIntoPieces(RangeSet.of({ start: 0, end: content.size }), MIB).map((range) => ({
    ...range,
    hash: createHash('sha256').update(content.read(range.start, range.end)).digest(),
  })),
  inline: content.read(0, content.size),
};

/** Counts what a source hands out. */
function counted(source: Source) {
  const sent = { bytes: 0 };
  const fetch: Source['fetch'] = (range, sink, signal) => {
    const count = (chunk: Uint8Array) => {
      sent.bytes += chunk.byteLength;
      return sink(chunk);
    };
    return source.fetch(range, count, signal);
  };
  return { source: { ...source, fetch }, bytesSent: () => sent.bytes, async [Symbol.asyncDispose]() {} };
}

// What came with the answer cannot stall or break off; then the rest is asked for, which can.
sourceContract('a peer whose content came with its answer', content, async (wanted, script) => {
  const rest = new ScriptedSource(wanted, {
    ...(script.kind === 'stalls' ? { stallAfterBytes: script.afterBytes } : {}),
    ...(script.kind === 'cuts' ? { cutAfterBytes: script.afterBytes } : {}),
  });
  return counted(inlineSource(script.kind === 'sound' ? whole : noContent, rest));
});

test('what did not come with the answer is asked for at the holder, as a whole', async () => {
  const asked: unknown[] = [];
  const fetch: Source['fetch'] = async (range) => void asked.push(range);
  const second = { pieces: whole.pieces.slice(1, 2), inline: content.read(MIB, 2 * MIB) };
  const source = inlineSource(second, { kind: 'peer', id: 'holder', fetch });
  const got: Uint8Array[] = [];
  const signal = new AbortController().signal;
  await source.fetch({ start: MIB + 7, end: 2 * MIB }, (chunk) => void got.push(chunk), signal);
  expect(Buffer.concat(got).equals(content.read(MIB + 7, 2 * MIB))).toBe(true);
  expect(asked).toEqual([]);
  await source.fetch({ start: MIB - 1, end: 2 * MIB }, () => expect.unreachable(), signal);
  expect(asked).toEqual([{ start: MIB - 1, end: 2 * MIB }]);
});

test('a sink may do with its bytes what it likes', async () => {
  const source = inlineSource(whole, new ScriptedSource(content));
  const signal = new AbortController().signal;
  await source.fetch({ start: 0, end: 100 }, (chunk) => void chunk.fill(0), signal);
  await source.fetch(
    { start: 0, end: 100 },
    (chunk) => expect(Buffer.from(chunk).equals(content.read(0, 100))).toBe(true),
    signal,
  );
});
