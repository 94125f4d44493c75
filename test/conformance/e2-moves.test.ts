import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/job/model/view.ts';
import { freeTcpPort } from '../support/free-port.ts';
import { covers } from './support/covers.ts';
import { CUT, jobIn, outcome, SENT_BYTES } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('moves', () => {
  it(covers('E.2/move/create'), async () => {
    expect(await bench.admin.create()).toMatchObject({ state: 'SUSPENDED', type: 'DOWNLOAD', files: { total: 0 } });
  });

  it(covers('E.2/move/resume'), async () => {
    const { id } = await jobIn('SUSPENDED', bench);
    expect(['QUEUED', 'CONNECTING', 'TRANSFERRING']).toContain((await bench.admin.call(id, 'resume')).state);
    await bench.admin.reaches(id, 'TRANSFERRED');
  });

  it(covers(['E.2/move/resume-empty', 'H/BG_E_EMPTY']), async () => {
    const { id } = await bench.admin.create();
    expect(await codeOf(bench.admin.call(id, 'resume'))).toBe('BG_E_EMPTY');
    expect((await bench.admin.get(id)).state).toBe('SUSPENDED');
  });

  it(covers('E.2/move/schedule'), async () => {
    const answer = Promise.withResolvers<void>();
    const file = bench.file({ faults: { waitFor: answer.promise, stallAfterBytes: 1000 } });
    const { id, state } = await bench.admin.create({ files: [file.add], resume: true });
    expect(['QUEUED', 'CONNECTING']).toContain(state);
    await bench.asked(file);
    await bench.admin.reaches(id, 'CONNECTING');
    answer.resolve();
    await bench.admin.reaches(id, 'TRANSFERRING');
    await bench.admin.call(id, 'cancel');
  });

  it(covers(['E.2/move/connect-failure', 'H/BG_E_CONNECT_FAILURE', 'H/error/context', 'H/error/file']), async () => {
    const remoteUrl = `http://127.0.0.1:${await freeTcpPort()}/nobody`;
    const job = await outcome(bench.admin, { files: [{ ...bench.file().add, remoteUrl }] });
    expect(job).toMatchObject({ state: 'TRANSIENT_ERROR', error: { code: 'BG_E_CONNECT_FAILURE', kind: 'transient' } });
    expect(job.error).toMatchObject({ context: 'GENERAL_TRANSPORT', file: 0, protocol: 'http', hresult: '0x8020002D' });
    expect(job.error?.hint).toBeTruthy();
  });

  it(covers(['E.2/move/transient', 'H/BG_E_CONNECTION_CLOSED']), async () => {
    const file = bench.file(CUT);
    const job = await outcome(bench.admin, { files: [file.add] });
    expect(job).toMatchObject({ state: 'TRANSIENT_ERROR', error: { code: 'BG_E_CONNECTION_CLOSED' } });
    expect(job.bytes.transferred).toBe(SENT_BYTES);
  });

  it(covers('E.2/move/fatal'), async () => {
    const { job } = await jobIn('ERROR', bench);
    expect(job.error).toMatchObject({ code: 'BG_E_HTTP_ERROR_404', kind: 'fatal' });
    expect(job.retryAtMs).toBeNull();
  });

  it(covers('E.2/move/last-file'), async () => {
    const files = [bench.file(), bench.file(), bench.file()];
    const job = await outcome(bench.admin, { files: files.map((file) => file.add) });
    expect(job).toMatchObject({ state: 'TRANSFERRED', files: { total: 3, transferred: 3 } });
    expect(job.transferredMs).not.toBeNull();
  });

  it(covers('E.2/move/add-to-transferred'), async () => {
    const { id } = await jobIn('TRANSFERRED', bench);
    await bench.admin.addFiles(id, bench.file().add);
    expect((await bench.admin.call(id, 'resume')).state).not.toBe('TRANSFERRED');
    expect((await bench.admin.reaches(id, 'TRANSFERRED')).files.transferred).toBe(2);
  });

  it(covers('E.2/resume/at-once'), async () => {
    const { id, job, file } = await jobIn('TRANSIENT_ERROR', bench);
    expect(job.retryAtMs).toBeGreaterThan(Date.now() + 500_000);
    bench.mend(file);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRED');
  });

  it(covers('E.2/final/not-listed'), async () => {
    const acknowledged = await jobIn('ACKNOWLEDGED', bench);
    const cancelled = await jobIn('CANCELLED', bench);
    const ids = (jobs: readonly JobView[]) => jobs.map(({ id }) => id);
    expect(ids(await bench.admin.list())).not.toContain(acknowledged.id);
    expect(ids(await bench.admin.list())).not.toContain(cancelled.id);
    expect(ids(await bench.admin.list('?ended=true'))).toEqual(expect.arrayContaining([acknowledged.id, cancelled.id]));
  });
});
