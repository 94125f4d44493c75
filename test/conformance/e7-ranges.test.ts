import { open, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adding } from './support/adding.ts';
import { covers } from './support/covers.ts';
import { SENT_BYTES, STALLED } from './support/in-state.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('ranges', () => {
  it.each<readonly [string, readonly unknown[], string]>([
    [covers('E.7/ranges/none'), [], 'E_INVALIDARG'],
    [covers('E.7/ranges/empty'), [{ offset: 5, length: 0 }], 'E_INVALIDARG'],
    [covers('E.7/ranges/offset-eof'), [{ offset: 'EOF', length: 5 }], 'E_INVALIDARG'],
    [
      covers('H/BG_E_INVALID_RANGE', 'a range beyond all files'),
      [{ offset: Number.MAX_SAFE_INTEGER, length: 5 }],
      'BG_E_INVALID_RANGE',
    ],
    [
      covers(['E.7/ranges/overlap', 'H/BG_E_OVERLAPPING_RANGES']),
      [
        { offset: 50, length: 10 },
        { offset: 0, length: 51 },
      ],
      'BG_E_OVERLAPPING_RANGES',
    ],
    [
      covers('E.7/ranges/overlap'),
      [
        { offset: 0, length: 'EOF' },
        { offset: 99, length: 1 },
      ],
      'BG_E_OVERLAPPING_RANGES',
    ],
    [
      covers('E.7/ranges/duplicate'),
      [
        { offset: 5, length: 5 },
        { offset: 5, length: 5 },
      ],
      'BG_E_OVERLAPPING_RANGES',
    ],
  ])('%s (%#)', async (_, ranges, code) => {
    expect(await adding(bench, { ranges })).toBe(code);
  });

  it(covers(['E.7/ranges/order', 'E.7/ranges/eof']), async () => {
    const file = bench.file({ bytes: 1000 });
    const ranges = [
      { offset: 24, length: 17 },
      { offset: 900, length: 'EOF' },
      { offset: 83, length: 7 },
    ];
    const { id } = await bench.admin.create({ resume: true, files: [{ ...file.add, ranges }] });
    await bench.admin.reaches(id, 'TRANSFERRED');
    await bench.admin.call(id, 'complete');
    const { content } = file;
    const parts = [content.subarray(24, 41), content.subarray(900), content.subarray(83, 90)];
    expect(await readFile(file.localName)).toEqual(Buffer.concat(parts));
  });

  it.each([
    [covers(['E.7/ranges/outside', 'H/BG_E_INVALID_RANGE']), 100_000, {}, 'BG_E_INVALID_RANGE'],
    [
      covers(['E.7/ranges/merged', 'H/BG_E_INVALID_SERVER_RESPONSE']),
      10,
      { contentRange: 'bytes 0-99/100000' },
      'BG_E_INVALID_SERVER_RESPONSE',
    ],
    [
      covers(['E.7/ranges/unsupported', 'H/BG_E_INSUFFICIENT_RANGE_SUPPORT']),
      10,
      { noRanges: true },
      'BG_E_INSUFFICIENT_RANGE_SUPPORT',
    ],
  ] as const)('%s', async (_, offset, faults, code) => {
    const { add } = bench.file({ faults });
    const files = [{ ...add, ranges: [{ offset, length: 10 }] }];
    const { id } = await bench.admin.create({ priority: 'FOREGROUND', resume: true, files });
    expect((await bench.admin.reaches(id, 'ERROR', 'TRANSFERRED')).error).toMatchObject({ code, kind: 'fatal' });
  });
});

it(covers('E.7/temporary/readable'), async () => {
  const file = bench.file(STALLED);
  const { id } = await bench.admin.create({ priority: 'FOREGROUND', resume: true, files: [file.add] });
  await bench.admin.until(id, ({ bytes }) => bytes.transferred === SENT_BYTES);
  const { temporaryName } = await bench.admin.file(id);
  await using part = await open(temporaryName as string, 'r');
  const read = Buffer.alloc(SENT_BYTES);
  expect((await part.read(read, 0, read.length, 0)).bytesRead).toBe(read.length);
  expect(read).toEqual(file.content.subarray(0, SENT_BYTES));
});
