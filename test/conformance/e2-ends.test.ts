import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { CUT, jobIn, STALLED } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const PART = '.nbpart';

describe('Complete', () => {
  it(covers(['E.2/complete/whole', 'E.2/complete/per-file']), async () => {
    const { id, file } = await jobIn('TRANSFERRED', bench);
    expect(await bench.admin.file(id)).toMatchObject({ transferred: true, completed: false });
    expect(existsSync(file.localName)).toBe(false);
    expect(await codeOf(bench.admin.call(id, 'complete'))).toBe('S_OK');
    expect(await readFile(file.localName)).toEqual(file.content);
    expect(await bench.admin.file(id)).toMatchObject({ completed: true, temporaryName: null });
    expect(existsSync(file.localName + PART)).toBe(false);
  });

  it(covers(['E.2/complete/partial', 'H/BG_S_PARTIAL_COMPLETE']), async () => {
    const [whole, half] = [bench.file(), bench.file(STALLED)];
    const { id } = await bench.admin.create({ priority: 'FOREGROUND', resume: true, files: [whole.add, half.add] });
    await bench.admin.until(id, ({ files, state }) => files.transferred === 1 && state === 'TRANSFERRING');
    expect(await codeOf(bench.admin.call(id, 'complete'))).toBe('BG_S_PARTIAL_COMPLETE');
    expect(await readFile(whole.localName)).toEqual(whole.content);
    expect(existsSync(half.localName) || existsSync(half.localName + PART)).toBe(false);
    expect((await bench.admin.files(id)).map(({ completed }) => completed)).toEqual([true, false]);
  });

  it(covers('E.2/complete/left-over'), async () => {
    const { id, file } = await jobIn('TRANSIENT_ERROR', bench, { file: CUT });
    await replaceByFolder(file.localName + PART);
    expect(await codeOf(bench.admin.call(id, 'complete'))).toBe('BG_S_UNABLE_TO_DELETE_FILES');
    expect((await bench.admin.get(id)).state).toBe('ACKNOWLEDGED');
  });

  it(covers('E.2/complete/rename-fails'), async () => {
    const { id, file } = await jobIn('TRANSFERRED', bench);
    await replaceByFolder(file.localName);
    await expect(bench.admin.call(id, 'complete')).rejects.toThrow(file.localName);
    expect((await bench.admin.get(id)).state).toBe('TRANSFERRED');
    await rm(file.localName, { recursive: true });
    expect(await codeOf(bench.admin.call(id, 'complete'))).toBe('S_OK');
    expect(await readFile(file.localName)).toEqual(file.content);
  });
});

describe('Cancel', () => {
  it(covers('E.2/cancel/deletes'), async () => {
    const [whole, half] = [bench.file(), bench.file(STALLED)];
    const { id } = await bench.admin.create({ priority: 'FOREGROUND', resume: true, files: [whole.add, half.add] });
    await bench.admin.until(id, ({ files, state }) => files.transferred === 1 && state === 'TRANSFERRING');
    expect(existsSync(whole.localName + PART)).toBe(true);
    expect(await codeOf(bench.admin.call(id, 'cancel'))).toBe('S_OK');
    const left = await readdir(bench.folder());
    for (const { localName } of [whole, half]) {
      expect(left.filter((name) => join(bench.folder(), name).startsWith(localName))).toEqual([]);
    }
  });

  it(covers(['E.2/cancel/left-over', 'H/BG_S_UNABLE_TO_DELETE_FILES']), async () => {
    const { id, file } = await jobIn('TRANSFERRED', bench);
    await replaceByFolder(file.localName + PART);
    expect(await codeOf(bench.admin.call(id, 'cancel'))).toBe('BG_S_UNABLE_TO_DELETE_FILES');
    expect((await bench.admin.get(id)).state).toBe('CANCELLED');
  });
});

it(covers(['E.2/takeOwnership/user', 'H/E_ACCESSDENIED']), async () => {
  const { id } = await jobIn('SUSPENDED', bench, { user: 'alice' });
  expect(await codeOf(bench.alice.call(id, 'take-ownership'))).toBe('E_ACCESSDENIED');
});

describe('restarts', () => {
  it(covers('E.2/restart/persists'), async () => {
    const { id } = await bench.alice.create();
    const half = await jobIn('TRANSIENT_ERROR', bench, {
      file: CUT,
    });
    const states = ['SUSPENDED', 'ERROR', 'TRANSFERRED'] as const;
    const jobs = await Promise.all(states.map((state) => jobIn(state, bench)));
    await bench.restart();
    for (const [index, state] of states.entries())
      expect((await bench.admin.get(jobs[index]?.id as string)).state).toBe(state);
    expect(await bench.alice.get(id)).toMatchObject({ owner: 'alice', state: 'SUSPENDED' });
    bench.mend(half.file);
    await bench.admin.call(half.id, 'resume');
    await bench.admin.reaches(half.id, 'TRANSFERRED');
    expect(bench.origin.statsOf(half.file.path).bytesSent).toBe(CUT.bytes);
  });

  it(covers('E.2/restart/unreadable'), async () => {
    const { file } = await jobIn('TRANSFERRED', bench);
    const dataDir = bench.home.env.NEARBITS_DATA_DIR as string;
    const before = await readdir(dataDir);
    await bench.restart(() => spoil(join(dataDir, 'jobs')));
    expect(await bench.admin.list('?allUsers=true')).toEqual([]);
    expect(existsSync(file.localName + PART)).toBe(true);
    const added = (await readdir(dataDir)).filter((name) => !before.includes(name));
    expect(added).toEqual([expect.stringContaining('jobs')]);
  });
});

/** Puts a folder that is not empty where a file is or is to be: nothing can be renamed onto it, nor unlinked. */
async function replaceByFolder(path: string): Promise<void> {
  await rm(path, { force: true });
  await mkdir(join(path, 'in-the-way'), { recursive: true });
}

async function spoil(database: string): Promise<void> {
  await writeFile(join(database, 'CURRENT'), 'nonsense\n');
}
