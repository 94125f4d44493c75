import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/job/model/view.ts';
import { covers } from './support/covers.ts';
import { type JobInState, jobIn, outcome } from './support/in-state.ts';
import { codeOf, eventually } from './support/job-api.ts';
import type { JobBench, TestFile } from './support/job-bench.ts';
import { type Neighbours, openNeighbours } from './support/neighbours.ts';

let neighbours: Neighbours;
let bench: JobBench;
beforeAll(async () => {
  neighbours = await openNeighbours();
  bench = neighbours.first;
});
afterAll(() => neighbours[Symbol.asyncDispose]());

const BYTES = 2_500_000;
const transferred = (job: Readonly<Record<string, unknown>> = {}): Promise<JobInState> =>
  jobIn('TRANSFERRED', bench, { file: { bytes: BYTES }, job });
let copies = 0;

/** The job with which the neighbour fetches a file. */
async function neighbourFetches({ url }: TestFile): Promise<JobView> {
  const localName = join(neighbours.second.folder(), `copy-${++copies}.bin`);
  const job = await outcome(neighbours.second.admin, { files: [{ remoteUrl: url, localName }] });
  expect(job.state).toBe('TRANSFERRED');
  return job;
}

/** Whether the neighbour had it from this node. */
async function canBeHad(file: TestFile): Promise<boolean> {
  const { id, bytes } = await neighbourFetches(file);
  await neighbours.second.admin.call(id, 'cancel');
  return bytes.fromPeers === BYTES;
}

/** Whether the file is among the records of the cache, and how it is judged there. */
async function record({ url }: TestFile): Promise<string | null> {
  const { records } = await bench.admin.ask<{ records: { state: string }[] }>(
    'GET',
    `/v1/cache?url=${encodeURIComponent(url)}`,
  );
  return records[0]?.state ?? null;
}

/** Waits until it is decided whether neighbours can have the file. */
async function sharing(id: string, wanted: 'shared' | 'not-shared'): Promise<void> {
  await eventually(
    async () => (await bench.admin.file(id)).sharing === wanted,
    () => `the file is not ${wanted}`,
  );
}

describe('a verdict', () => {
  it(covers('D.2/pending/early'), async () => {
    const { id } = await jobIn('TRANSFERRING', bench);
    expect(await codeOf(bench.admin.validate(id, true))).toBe('E_PENDING');
    expect(await codeOf(bench.admin.validate(id, false))).toBe('E_PENDING');
  });

  it(covers(['D.2/unknown/before', 'D.2/table/transferred']), async () => {
    const { id, file } = await transferred();
    expect((await bench.admin.file(id)).validation).toBe('unknown');
    expect(await record(file)).toBeNull();
    expect(await canBeHad(file)).toBe(false);
  });

  it(covers('D.2/table/downloading'), async () => {
    const { file } = await jobIn('TRANSFERRING', bench);
    expect(await record(file)).toBeNull();
    bench.mend(file);
    expect((await neighbourFetches(file)).bytes.fromPeers).toBe(0);
  });

  it(covers(['D.2/valid/at-once', 'D.2/table/valid']), async () => {
    const { id, file } = await transferred();
    await bench.admin.validate(id, true);
    await sharing(id, 'shared');
    expect((await bench.admin.get(id)).state).toBe('TRANSFERRED');
    expect(await record(file)).toBe('valid');
    expect(await canBeHad(file)).toBe(true);
  });

  it(covers('D.2/complete/implicit'), async () => {
    const { id, file } = await transferred();
    await bench.admin.call(id, 'complete');
    await sharing(id, 'shared');
    expect((await bench.admin.file(id)).validation).toBe('valid');
    expect(await canBeHad(file)).toBe(true);
  });

  it(covers(['D.2/invalid/origin', 'D.2/resume/again', 'D.2/table/invalid', 'H/BG_E_VALIDATION_FAILED']), async () => {
    const { id, file } = await transferred();
    await bench.admin.validate(id, false);
    const job = await bench.admin.reaches(id, 'ERROR');
    expect(job).toMatchObject({
      error: { code: 'BG_E_VALIDATION_FAILED', context: 'LOCAL_FILE' },
      bytes: { transferred: 0 },
    });
    expect((await bench.admin.file(id)).validation).toBe('invalid');
    expect(await record(file)).toBeNull();
    expect(await canBeHad(file)).toBe(false);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRED');
    await bench.admin.call(id, 'complete');
    expect((await readFile(file.localName)).equals(file.content)).toBe(true);
  });

  it(covers(['D.2/invalid/peer', 'D.2/invalid/peer-told']), async () => {
    const { id, file } = await transferred();
    await bench.admin.validate(id, true);
    await sharing(id, 'shared');
    const { admin } = neighbours.second;
    const files = [{ remoteUrl: file.url, localName: join(neighbours.second.folder(), 'judged.bin') }];
    const copy = await outcome(admin, { files, notifyFlags: 0x10 });
    expect(copy).toMatchObject({ state: 'TRANSFERRED', bytes: { fromPeers: BYTES } });
    await admin.validate(copy.id, false);
    const again = await admin.reaches(copy.id, 'TRANSFERRED');
    expect(again.bytes).toMatchObject({ fromPeers: 0, fromOrigin: BYTES, transferred: BYTES });
    const told: string[] = [];
    const stop = new AbortController();
    for await (const { kind } of admin.notifications(stop.signal, copy.id)) {
      told.push(kind);
      if (told.length === 2) stop.abort();
    }
    expect(told).toEqual(['file-transferred', 'file-transferred']);
  });

  it(covers('D.2/record/deleted'), async () => {
    const { id, file } = await transferred();
    await bench.admin.validate(id, true);
    await sharing(id, 'shared');
    await bench.admin.ask('DELETE', `/v1/cache?url=${encodeURIComponent(file.url)}`);
    expect(await codeOf(bench.admin.validate(id, true))).toBe('S_OK');
  });
});

describe('peer caching switched off for a job', () => {
  it(covers('D.2/off/valid-stays'), async () => {
    const { id, file } = await transferred();
    await bench.admin.validate(id, true);
    await sharing(id, 'shared');
    await bench.admin.set(id, { peerCachingFlags: 0 });
    expect(await record(file)).toBe('valid');
    expect(await canBeHad(file)).toBe(true);
  });

  it(covers('D.2/off/others-go'), async () => {
    const { id, file } = await transferred();
    await bench.admin.set(id, { peerCachingFlags: 0 });
    await bench.admin.call(id, 'complete');
    await sharing(id, 'not-shared');
    expect(await record(file)).toBeNull();
    expect(await canBeHad(file)).toBe(false);
  });
});
