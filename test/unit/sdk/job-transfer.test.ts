import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobId } from '../../../src/core/ids.ts';
import type { JobView } from '../../../src/job/model/view.ts';
import { type JobNode, WAYS } from '../../support/job-node.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe.each(WAYS)('a one-shot transfer %s', (_, start) => {
  let opened: JobNode;
  let dir: Awaited<ReturnType<typeof tempDir>>;

  beforeEach(async () => {
    opened = await start();
    dir = await tempDir();
  });
  afterEach(async () => {
    await opened[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const url = 'http://127.0.0.1/setup.bin';

  it('makes a job, follows it and completes it', async () => {
    const destination = join(dir.path, 'setup.bin');
    const part = join(dir.path, 'setup.bin.nbpart');
    await writeFile(part, 'content');
    const states: string[] = [];
    const onProgress = ({ id, state }: JobView) => {
      states.push(state);
      if (state === 'QUEUED') opened.memory.fill(id as JobId, 0, part, 7, [{ offset: 0, length: 7 }]);
      if (state === 'TRANSFERRING') opened.memory.transferred(id as JobId);
    };
    const input = { url, destination, priority: 'FOREGROUND', sha256: 'A'.repeat(64) } as const;
    const view = await opened.node.jobs.transfer(input, { onProgress });
    expect(states).toEqual(['QUEUED', 'TRANSFERRING', 'TRANSFERRED']);
    expect(view).toMatchObject({
      state: 'ACKNOWLEDGED',
      properties: { displayName: 'setup.bin', priority: 'FOREGROUND' },
    });
    expect(await readFile(destination, 'utf8')).toBe('content');
  });

  it('fails with the error of the job and leaves no job', async () => {
    const onProgress = ({ id, state }: JobView) => {
      if (state === 'QUEUED') opened.memory.fail(id as JobId, 'BG_E_HTTP_ERROR_404');
    };
    const transfer = opened.node.jobs.transfer({ url, destination: join(dir.path, 'x') }, { onProgress });
    await expect(transfer).rejects.toMatchObject({ code: 'BG_E_HTTP_ERROR_404', details: { file: 0 } });
    expect(await Array.fromAsync(opened.node.jobs.list())).toEqual([]);
  });

  it('cancels the job with the signal', async () => {
    const away = new AbortController();
    const options = { signal: away.signal, onProgress: () => away.abort() };
    const transfer = opened.node.jobs.transfer({ url, destination: join(dir.path, 'x') }, options);
    await expect(transfer).rejects.toMatchObject({ code: 'E_CANCELLED' });
    const ended = await Array.fromAsync(opened.node.jobs.list({ ended: true }));
    expect(ended.map(({ view }) => view?.state)).toEqual(['CANCELLED']);
    await expect(opened.node.jobs.transfer({ url, destination: 'x' }, options)).rejects.toMatchObject({
      code: 'E_CANCELLED',
    });
  });
});
