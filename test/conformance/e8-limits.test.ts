import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { codeOf, type JobApi } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const many = (api: JobApi, count: number) => Promise.all(Array.from({ length: count }, () => api.create()));
const filesOf = (user: 'alice' | 'bob' | 'admin', count: number) =>
  Array.from({ length: count }, () => bench.file({ bytes: 1, user }).add);
const rangesOf = (count: number) => Array.from({ length: count }, (_, index) => ({ offset: index * 2, length: 1 }));

describe('in a job', () => {
  it(covers(['E.8/files/job', 'H/BG_E_TOO_MANY_FILES_IN_JOB']), async () => {
    const { id } = await bench.alice.create();
    const files = filesOf('alice', 201);
    expect(await codeOf(bench.alice.addFiles(id, ...files))).toBe('BG_E_TOO_MANY_FILES_IN_JOB');
    expect(await codeOf(bench.alice.addFiles(id, ...files.slice(0, 200)))).toBe('S_OK');
    expect(await codeOf(bench.alice.addFiles(id, ...files.slice(200)))).toBe('BG_E_TOO_MANY_FILES_IN_JOB');
    expect((await bench.alice.get(id)).files.total).toBe(200);
  });

  it(covers(['E.8/ranges/file', 'H/BG_E_TOO_MANY_RANGES_IN_FILE']), async () => {
    const { id } = await bench.alice.create();
    const { add } = bench.file({ user: 'alice' });
    const code = 'BG_E_TOO_MANY_RANGES_IN_FILE';
    expect(await codeOf(bench.alice.addFiles(id, { ...add, ranges: rangesOf(501) }))).toBe(code);
    expect(await codeOf(bench.alice.addFiles(id, { ...add, ranges: rangesOf(500) }))).toBe('S_OK');
  });
});

describe('jobs', () => {
  it(covers(['E.8/jobs/user', 'H/BG_E_TOO_MANY_JOBS_PER_USER']), async () => {
    const [first] = await many(bench.bob, 60);
    expect(await codeOf(bench.bob.create())).toBe('BG_E_TOO_MANY_JOBS_PER_USER');
    await bench.bob.call(first?.id as string, 'cancel');
    expect(await codeOf(bench.bob.create())).toBe('S_OK');
  });

  it(covers(['E.8/administrators/exempt', 'E.8/jobs/machine', 'H/BG_E_TOO_MANY_JOBS_PER_MACHINE']), async () => {
    await many(bench.admin, 300);
    expect(await codeOf(bench.alice.create())).toBe('BG_E_TOO_MANY_JOBS_PER_MACHINE');
    const { id } = await bench.admin.create({ files: filesOf('admin', 201) });
    const { add } = bench.file();
    expect(await codeOf(bench.admin.addFiles(id, { ...add, ranges: rangesOf(501) }))).toBe('S_OK');
  });
});
