import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { jobIn } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

/** Stands still again and again. */
const SLOW = { faults: { stallAfterBytes: 1000 } };

// Everything that has to wait for real seconds: the waits run side by side, on one node.
let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open({ config: { jobs: { maxDownloadTime: '2s' }, origin: { headersTimeout: '1s' } } });
});
afterAll(() => bench[Symbol.asyncDispose]());

describe.concurrent('in time', () => {
  it(covers(['E.2/move/retry', 'E.4/retry/delay', 'E.6/read/error-count']), async () => {
    const { id, job, file } = await jobIn('TRANSIENT_ERROR', bench, { job: { minimumRetryDelaySeconds: 5 } });
    const waitMs = (job.retryAtMs as number) - (job.error?.atMs as number);
    expect(waitMs).toBeGreaterThanOrEqual(5000);
    expect(waitMs).toBeLessThanOrEqual(5600);
    expect(job.errorCount).toBe(1);
    const again = await bench.admin.until(id, ({ errorCount }) => errorCount === 2, 'tried again');
    expect((again.error?.atMs as number) - (job.error?.atMs as number)).toBeGreaterThanOrEqual(5000);
    bench.mend(file);
    expect((await bench.admin.reaches(id, 'TRANSFERRED')).errorCount).toBe(2);
  });

  it(covers(['E.2/move/no-progress', 'E.4/retry/no-progress', 'H/BG_E_NO_PROGRESS']), async () => {
    const times = { minimumRetryDelaySeconds: 5, noProgressTimeoutSeconds: 7 };
    const { id, job } = await jobIn('TRANSIENT_ERROR', bench, { job: times });
    const { error } = await bench.admin.reaches(id, 'ERROR');
    expect(error).toMatchObject({ code: 'BG_E_NO_PROGRESS', kind: 'fatal', hresult: '0x80200024' });
    expect((error?.atMs as number) - (job.error?.atMs as number)).toBeGreaterThanOrEqual(6900);
  });

  it(covers(['E.6/maximumDownloadTime/expires', 'H/BG_E_MAXDOWNLOAD_TIMEOUT', 'E.2/resume/resets-clock']), async () => {
    const { id } = await jobIn('TRANSFERRING', bench, { file: SLOW, job: { maximumDownloadTimeSeconds: 2 } });
    const first = await bench.admin.reaches(id, 'ERROR');
    expect(first.error).toMatchObject({ code: 'BG_E_MAXDOWNLOAD_TIMEOUT', context: 'GENERAL_QUEUE_MANAGER' });
    const resumedMs = Date.now();
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRING');
    const second = await bench.admin.reaches(id, 'ERROR');
    expect((second.error?.atMs as number) - resumedMs).toBeGreaterThanOrEqual(1900);
  });

  it(covers('E.6/maximumDownloadTime/running-only'), async () => {
    const { id } = await jobIn('TRANSFERRING', bench, { file: SLOW, job: { maximumDownloadTimeSeconds: 3 } });
    await bench.admin.call(id, 'suspend');
    const waiting = await jobIn('TRANSFERRING', bench, { job: { maximumDownloadTimeSeconds: 4 } });
    await bench.admin.reaches(waiting.id, 'ERROR');
    expect((await bench.admin.get(id)).state).toBe('SUSPENDED');
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRING');
  });

  it(covers(['E.6/maximumDownloadTime/policy', 'E.6/maximumDownloadTime/any']), async () => {
    const { id } = await jobIn('TRANSFERRING', bench, { user: 'alice' });
    const longer = await jobIn('TRANSFERRING', bench, {
      user: 'alice',
      job: { maximumDownloadTimeSeconds: 2 ** 31 - 1 },
    });
    expect((await bench.alice.reaches(id, 'ERROR')).error?.code).toBe('BG_E_MAXDOWNLOAD_TIMEOUT');
    expect((await bench.alice.get(longer.id)).state).toBe('TRANSFERRING');
  });

  it(covers('H/ERROR_WINHTTP_TIMEOUT'), async () => {
    const { job } = await jobIn('TRANSIENT_ERROR', bench, { file: { faults: { hang: true } } });
    expect(job.error).toMatchObject({ code: 'ERROR_WINHTTP_TIMEOUT', kind: 'transient', hresult: '0x80072EE2' });
  });

  it(covers('E.6/minimumRetryDelay/over-no-progress'), async () => {
    const times = { minimumRetryDelaySeconds: 600, noProgressTimeoutSeconds: 60 };
    const { job } = await jobIn('ERROR', bench, { file: { faults: { status: 503 } }, job: times });
    expect(job.error?.kind).toBe('fatal');
  });

  it(covers('E.6/noProgressTimeout/zero'), async () => {
    const { id } = await jobIn('ERROR', bench, {
      file: { faults: { status: 503 } },
      job: { noProgressTimeoutSeconds: 0 },
    });
    expect(await codeOf(bench.admin.error(id))).toMatch(/^BG_E_(HTTP_ERROR_503|NO_PROGRESS)$/);
  });
});
