import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JobId, newJobId } from '../../../src/core/ids.ts';
import type { Job } from '../../../src/sdk/job.ts';
import type { Jobs } from '../../../src/sdk/jobs.ts';
import { type JobNode, WAYS } from '../../support/job-node.ts';
import type { MemoryJobs } from '../../support/memory-jobs.ts';

const file = (name: string) => ({ remoteUrl: `http://127.0.0.1/${name}`, localName: `/tmp/${name}` });

describe.each(WAYS)('jobs %s', (_, start) => {
  let opened: JobNode;
  let jobs: Jobs;
  let memory: MemoryJobs;

  beforeEach(async () => {
    opened = await start();
    jobs = opened.node.jobs;
    memory = opened.memory;
  });
  afterEach(() => opened[Symbol.asyncDispose]());

  const makeJob = (rest = {}): Promise<Job> => jobs.create({ displayName: 'update', files: [file('a')], ...rest });
  const idOf = (job: Job): JobId => job.id as JobId;

  it('are made, changed, steered and listed', async () => {
    const job = await makeJob();
    expect(job.view).toMatchObject({ state: 'SUSPENDED', files: { total: 1 } });
    expect((await job.set({ priority: 'HIGH', description: undefined })).properties).toMatchObject({
      priority: 'HIGH',
      description: '',
    });
    expect((await job.addFiles([file('b')])).files.total).toBe(2);
    expect(await job.files()).toMatchObject([{ index: 0, overwrite: true }, { index: 1 }]);
    expect((await job.resume()).state).toBe('QUEUED');
    expect((await job.suspend()).state).toBe('SUSPENDED');
    expect((await job.takeOwnership()).state).toBe('SUSPENDED');
    expect(job.view).toEqual(await jobs.at(job.id).get());
    expect(await job.trace()).toMatchObject([{ code: 'HEAD' }]);
    const [listed] = await Array.fromAsync(jobs.list({ name: 'update', allUsers: true }));
    expect(listed?.view).toEqual(job.view);
    expect(await job.complete()).toMatchObject({ code: 'BG_S_PARTIAL_COMPLETE', job: { state: 'ACKNOWLEDGED' } });
    expect(await Array.fromAsync(jobs.list())).toEqual([]);
    expect(await Array.fromAsync(jobs.list({ ended: true }))).toHaveLength(1);
  });

  it('give access to single files and take secrets', async () => {
    const job = await makeJob();
    await job.setRemoteName(0, 'http://127.0.0.1/c');
    expect(await job.replaceRemotePrefix('http://127.0.0.1/', 'http://127.0.0.2/')).toMatchObject({ code: 'S_OK' });
    expect((await job.files())[0]?.remoteUrl).toBe('http://127.0.0.2/c');
    await expect(job.setValidationState(0, true)).rejects.toMatchObject({ code: 'E_PENDING' });
    await job.requestRanges(0, [{ offset: 0, length: 'EOF' }]);
    await job.updateDownloadPosition(0, 3);
    expect([memory.requested, memory.positions]).toEqual([[{ offset: 0, length: 'EOF' }], [3]]);
    memory.fill(idOf(job), 0, '/tmp/c.nbpart', 10, [{ offset: 2, length: 3 }]);
    expect(await job.filledRanges(0)).toEqual([{ offset: 2, length: 3 }]);
    await job.setCredentials({ target: 'SERVER', scheme: 'BASIC', user: 'ann', password: 'x' });
    expect(await job.removeCredentials('SERVER', 'BASIC')).toMatchObject({ code: 'S_OK' });
    await job.setClientCertificate({ certificatePem: 'c', keyPem: 'k' });
    expect(await job.removeClientCertificate()).toMatchObject({ code: 'S_OK', job: { clientCertificate: null } });
  });

  it('are listed page by page and reset at once', async () => {
    for (let count = 0; count < 600; count++) await makeJob();
    const ids = (await Array.fromAsync(jobs.list())).map(({ id }) => id);
    expect(new Set(ids).size).toBe(600);
    expect(await jobs.reset({ allUsers: true })).toHaveLength(600);
    expect(await Array.fromAsync(jobs.list())).toEqual([]);
  });

  it('answer mistakes with the code of BITS', async () => {
    await expect(makeJob({ priority: 'URGENT' })).rejects.toMatchObject({ code: 'E_NOTIMPL' });
    await expect(makeJob({ speed: 1 })).rejects.toMatchObject({ code: 'BG_E_UNKNOWN_PROPERTY_ID' });
    const job = await makeJob();
    await expect(job.set({ description: 'x'.repeat(1025) })).rejects.toMatchObject({ code: 'BG_E_STRING_TOO_LONG' });
    await expect(job.addFiles([])).rejects.toMatchObject({ code: 'E_INVALIDARG', details: { path: 'files' } });
    await expect(job.requestRanges(0, [{ offset: 0, length: 0 }])).rejects.toMatchObject({ code: 'E_INVALIDARG' });
    await expect(job.error()).rejects.toMatchObject({ code: 'BG_E_ERROR_INFORMATION_UNAVAILABLE' });
    await expect(jobs.at(newJobId()).get()).rejects.toMatchObject({ code: 'BG_E_NOT_FOUND' });
    await expect(jobs.at('../status').get()).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
  });

  it('are watched until they are transferred', async () => {
    const job = await makeJob({ resume: true });
    const seen: [string, number][] = [];
    for await (const { state, bytes } of job.watch()) {
      seen.push([state, bytes.transferred]);
      if (seen.length === 1) memory.fill(idOf(job), 0, '/tmp/a.nbpart', 9, [{ offset: 0, length: 4 }]);
      if (seen.length === 2) await job.suspend();
      if (seen.length === 3) memory.transferred(idOf(job));
    }
    expect(seen).toEqual([
      ['QUEUED', 0],
      ['TRANSFERRING', 4],
      ['SUSPENDED', 4],
      ['TRANSFERRED', 4],
    ]);
    expect(job.view?.state).toBe('TRANSFERRED');
    expect(await Array.fromAsync(job.watch())).toHaveLength(1);
  });

  it('are left alone by a watch that ends', async () => {
    const job = await makeJob({ resume: true });
    for await (const _ of job.watch()) break;
    const away = new AbortController();
    const watching = (async () => {
      for await (const _ of job.watch({ signal: away.signal })) away.abort();
    })();
    await expect(watching).rejects.toMatchObject({ code: 'E_CANCELLED' });
    expect((await job.get()).state).toBe('QUEUED');
  });

  it('say when they are transferred, and why they will not be', async () => {
    const job = await makeJob();
    await expect(job.transferred()).rejects.toMatchObject({ code: 'BG_E_INVALID_STATE' });
    await job.resume();
    const waiting = job.transferred();
    memory.transferred(idOf(job));
    expect((await waiting).state).toBe('TRANSFERRED');
    memory.fail(idOf(job), 'BG_E_HTTP_ERROR_404');
    await expect(job.transferred()).rejects.toMatchObject({ code: 'BG_E_HTTP_ERROR_404', hint: 'look at the URL' });
    expect(await job.error()).toMatchObject({ hresult: '0x80190194' });
    const other = await makeJob();
    await other.cancel();
    await expect(other.transferred()).rejects.toMatchObject({ code: 'E_CANCELLED' });
  });

  it('stop waiting with their signal', async () => {
    const job = await makeJob({ resume: true });
    const away = new AbortController();
    const waiting = job.transferred({ signal: away.signal });
    await memory.watched();
    away.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'E_CANCELLED' });
  });

  it('tell their owner until it acknowledges', async () => {
    const job = await makeJob();
    memory.notify(idOf(job), 'transferred');
    memory.notify(idOf(await makeJob()), 'error');
    for await (const note of jobs.notifications({ job })) {
      expect(note).toMatchObject({ kind: 'transferred', job: { displayName: 'update' } });
      break;
    }
    const kinds: string[] = [];
    for await (const note of jobs.notifications()) {
      kinds.push(note.kind);
      await note.acknowledge();
      if (kinds.length === 2) break;
    }
    expect(kinds).toEqual(['transferred', 'error']);
    expect(memory.waiting).toEqual([]);
    await expect(Array.fromAsync(jobs.notifications({ job: newJobId() }))).rejects.toMatchObject({
      code: 'BG_E_NOT_FOUND',
    });
    const waiting = Array.fromAsync(jobs.notifications({ signal: AbortSignal.timeout(1) }));
    await expect(waiting).rejects.toMatchObject({ code: 'E_CANCELLED' });
  });
});
