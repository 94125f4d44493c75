import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { jobIn } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench, type TestFile, type TestFileOptions } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const BYTES = 8 * 2 ** 20;
const range = (offset: number, length: number | 'EOF') => ({ offset, length });

/** A job in on-demand mode whose file nobody asked for yet. */
async function onDemand(options: TestFileOptions = {}): Promise<{ id: string; file: TestFile }> {
  const file = bench.file({ bytes: BYTES, ...options });
  const { id } = await bench.admin.create({ onDemandMode: true, priority: 'FOREGROUND', files: [file.add] });
  return { id, file };
}

describe('ranges on demand', () => {
  it(covers(['E.7/demand/ranges', 'E.7/demand/overlap', 'E.7/demand/suspended', 'E.7/demand/filled']), async () => {
    const { id, file } = await onDemand();
    await bench.admin.requestRanges(id, [range(5_000_000, 100_000), range(1000, 100_000)]);
    await bench.admin.requestRanges(id, [range(50_000, 100_000)]);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'SUSPENDED');
    const filled = await bench.admin.filledRanges(id);
    expect(filled.length).toBe(2);
    expect(covered(filled, 1000, 150_000) && covered(filled, 5_000_000, 5_100_000)).toBe(true);
    expect([...filled].sort((a, b) => a.offset - b.offset)).toEqual(filled);
    expect(bench.origin.statsOf(file.path).bytesSent).toBeLessThan(BYTES / 2);
    const { temporaryName } = await bench.admin.file(id);
    const bytes = await readFile(temporaryName as string);
    for (const [from, to] of [
      [1000, 150_000],
      [5_000_000, 5_100_000],
    ] as const) {
      expect(bytes.subarray(from, to).equals(file.content.subarray(from, to))).toBe(true);
    }
  });

  it(covers('E.7/demand/transferred'), async () => {
    const { id, file } = await onDemand();
    await bench.admin.requestRanges(id, [range(0, 1000)]);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'SUSPENDED');
    await bench.admin.requestRanges(id, [range(0, 'EOF')]);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRED');
    expect(await bench.admin.filledRanges(id)).toEqual([range(0, BYTES)]);
    await bench.admin.call(id, 'complete');
    expect((await readFile(file.localName)).equals(file.content)).toBe(true);
  });

  it(covers('E.7/demand/invalid'), async () => {
    const { id } = await onDemand();
    await bench.admin.requestRanges(id, [range(0, 1000)]);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'SUSPENDED');
    expect(await codeOf(bench.admin.requestRanges(id, [range(BYTES, 1)]))).toBe('BG_E_INVALID_RANGE');
    expect(await codeOf(bench.admin.requestRanges(id, [range(BYTES - 1, 2)]))).toBe('BG_E_INVALID_RANGE');
    expect(await codeOf(bench.admin.requestRanges(id, [range(BYTES - 1, 1)]))).toBe('S_OK');
  });

  it(covers('E.7/demand/off'), async () => {
    const { id, file } = await jobIn('SUSPENDED', bench, { file: { bytes: BYTES } });
    const offset = 6 * 2 ** 20;
    await bench.admin.requestRanges(id, [range(offset, 1000)]);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRED');
    expect(firstRange(file)).toMatch(new RegExp(`^bytes=${offset}-`));
  });

  it(covers('H/BG_E_RANDOM_ACCESS_NOT_SUPPORTED'), async () => {
    const { id } = await jobIn('SUSPENDED', bench, { job: { dynamicContent: true } });
    expect(await codeOf(bench.admin.requestRanges(id, [range(0, 1)]))).toBe('BG_E_RANDOM_ACCESS_NOT_SUPPORTED');
  });

  it(covers('E.7/demand/position'), async () => {
    const { id, file } = await onDemand();
    const position = 6 * 2 ** 20;
    await bench.admin.requestRanges(id, [range(0, 'EOF')]);
    await bench.admin.ask('PUT', `/v1/jobs/${id}/files/0/position`, { offset: position });
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRED');
    expect(firstRange(file)).toMatch(new RegExp(`^bytes=${position}-`));
  });
});

/** The first range the origin was asked for. */
function firstRange({ path }: TestFile): string | undefined {
  return bench.origin.seen.find((request) => request.path === path && request.headers.range !== undefined)?.headers
    .range;
}

/** Whether one of the ranges holds everything from one offset to another. */
function covered(filled: readonly { offset: number; length: number }[], from: number, to: number): boolean {
  return filled.some(({ offset, length }) => offset <= from && offset + length >= to);
}
