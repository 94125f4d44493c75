import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobId } from '../../../src/core/ids.ts';
import type { Job } from '../../../src/sdk/job.ts';
import { type JobNode, WAYS } from '../../support/job-node.ts';
import { tempDir } from '../../support/temp-dir.ts';

const CONTENT = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));

describe.each(WAYS)('reading a file %s', (_, start) => {
  let opened: JobNode;
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let job: Job;
  let id: JobId;
  let part: string;

  beforeEach(async () => {
    opened = await start();
    dir = await tempDir();
    const localName = join(dir.path, 'film');
    part = `${localName}.nbpart`;
    const files = [{ remoteUrl: 'http://127.0.0.1/film', localName }];
    job = await opened.node.jobs.create({ displayName: 'film', files, resume: true });
    id = job.id as JobId;
    await writeFile(part, CONTENT);
  });
  afterEach(async () => {
    await opened[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const fill = (...filled: [number, number][]) =>
    opened.memory.fill(
      id,
      0,
      part,
      CONTENT.length,
      filled.map(([offset, length]) => ({ offset, length })),
    );
  const readAll = async (from?: number) => Buffer.concat(await Array.fromAsync(job.read(0, { start: from })));
  /** Resolves when the reader waits at this offset. */
  const waitsAt = (offset: number) => opened.memory.until(() => opened.memory.positions.includes(offset));

  it('follows it while it is fetched, through completion', async () => {
    const reading = readAll();
    await waitsAt(0);
    fill([600_000, 100]);
    fill([0, 500_000], [600_000, 100]);
    await waitsAt(500_000);
    fill([0, 700_000]);
    await waitsAt(700_000);
    fill([0, CONTENT.length]);
    opened.memory.transferred(id);
    await job.complete();
    expect((await reading).equals(CONTENT)).toBe(true);
    expect((await readAll(999_990)).equals(CONTENT.subarray(999_990))).toBe(true);
    expect((await readAll(2_000_000)).length).toBe(0);
  });

  it('begins in the middle and asks for what lies there', async () => {
    fill([0, 1000]);
    const reading = readAll(800_000);
    await waitsAt(800_000);
    fill([0, 1000], [800_000, 200_000]);
    opened.memory.transferred(id);
    expect((await reading).equals(CONTENT.subarray(800_000))).toBe(true);
  });

  it('ends with the reason why no more bytes come', async () => {
    fill([0, 1000]);
    const reading = readAll();
    await waitsAt(1000);
    opened.memory.fail(id, 'BG_E_HTTP_ERROR_404');
    await expect(reading).rejects.toMatchObject({ code: 'BG_E_HTTP_ERROR_404' });
    opened.memory.move(id, 'SUSPENDED');
    await expect(readAll(5000)).rejects.toMatchObject({ code: 'BG_E_INVALID_STATE' });
    for await (const bytes of job.read(0)) {
      expect(bytes).toHaveLength(1000);
      break;
    }
    await expect(Array.fromAsync(job.read(3))).rejects.toMatchObject({ code: 'E_INVALIDARG' });
  });

  it('never mixes two versions of a file', async () => {
    fill([0, 1000]);
    const reading = readAll();
    await waitsAt(1000);
    opened.memory.replace(id, 0, '"2"');
    opened.memory.transferred(id);
    await expect(reading).rejects.toMatchObject({ code: 'BG_E_REMOTE_FILE_CHANGED' });
  });

  it('says that a finished file is gone', async () => {
    fill([0, CONTENT.length]);
    opened.memory.transferred(id);
    await job.complete();
    await rename(join(dir.path, 'film'), join(dir.path, 'elsewhere'));
    await expect(readAll()).rejects.toMatchObject({ code: 'E_IO' });
  });

  it('stops with its signal', async () => {
    const away = new AbortController();
    const reading = Array.fromAsync(job.read(0, { signal: away.signal }));
    await waitsAt(0);
    away.abort();
    await expect(reading).rejects.toMatchObject({ code: 'E_CANCELLED' });
  });
});
