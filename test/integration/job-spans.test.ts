import { describe, expect, it } from 'vitest';
import type { JobId } from '../../src/core/ids.ts';
import { ManualClock } from '../../src/core/manual-clock.ts';
import { JobRequest, type JobRequestInput } from '../../src/job/model/view.ts';
import { freeTcpPort } from '../support/free-port.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BENCH_CALLER, type BenchOptions, TransferBench } from '../support/transfer-bench.ts';

/** What takes days, with the clock of the jobs in the hand of the test. */

const DAY_MS = 86_400_000;
const PATIENCE = { timeout: 10_000 };

async function bench(options: BenchOptions = {}) {
  const dir = await tempDir();
  const clock = new ManualClock();
  const opened = await TransferBench.open(dir.path, { clock, resume: true, policy: { originRetries: 0 }, ...options });
  const { service } = opened.jobs;
  const create = async (request: Partial<JobRequestInput> = {}) => {
    const job = await service.create(BENCH_CALLER, JobRequest.parse({ displayName: 'job', ...request }));
    return job.id as JobId;
  };
  const job = (id: JobId) => service.get(BENCH_CALLER, id);
  const state = async (id: JobId) => (await job(id)).state;
  const close = async () => {
    await opened[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  };
  return { opened, service, clock, create, job, state, [Symbol.asyncDispose]: close };
}

/** A URL nobody listens on. */
async function deadUrl(): Promise<string> {
  return `http://127.0.0.1:${await freeTcpPort()}/file.bin`;
}

describe('a job that nobody touches', () => {
  it('is cancelled after 90 days', async () => {
    await using it = await bench();
    const id = await it.create();
    it.clock.advance(89 * DAY_MS);
    expect(await it.state(id)).toBe('SUSPENDED');
    it.clock.advance(1.1 * DAY_MS);
    await expect.poll(() => it.state(id), PATIENCE).toBe('CANCELLED');
  });

  it('lives on for another 90 days after a change', async () => {
    await using it = await bench();
    const id = await it.create();
    it.clock.advance(80 * DAY_MS);
    await it.service.set(BENCH_CALLER, id, { description: 'still wanted' });
    it.clock.advance(80 * DAY_MS);
    expect(await it.state(id)).toBe('SUSPENDED');
  });

  it('does not end because somebody set the clock by a year', async () => {
    await using it = await bench();
    const id = await it.create();
    it.clock.setWallMs(it.clock.wallMs() + 365 * DAY_MS);
    it.clock.advance(DAY_MS);
    expect(await it.state(id)).toBe('SUSPENDED');
  });
});

describe('a job without progress', () => {
  it('is tried again after the retry delay and ends with BG_E_NO_PROGRESS', async () => {
    await using it = await bench();
    const files = [{ remoteUrl: await deadUrl(), localName: it.opened.path('a') }];
    const id = await it.create({ files, resume: true, noProgressTimeoutSeconds: 1500 });
    await expect.poll(() => it.state(id), PATIENCE).toBe('TRANSIENT_ERROR');
    expect(await it.job(id)).toMatchObject({ errorCount: 1, error: { code: 'BG_E_CONNECT_FAILURE' } });
    it.clock.advance(599_000);
    expect((await it.job(id)).errorCount).toBe(1);
    it.clock.advance(62_000);
    await expect.poll(async () => (await it.job(id)).errorCount, PATIENCE).toBe(2);
    await expect.poll(() => it.state(id), PATIENCE).toBe('TRANSIENT_ERROR');
    it.clock.advance(2_000_000);
    await expect.poll(() => it.state(id), PATIENCE).toBe('ERROR');
    expect((await it.job(id)).error).toMatchObject({ code: 'BG_E_NO_PROGRESS', hresult: '0x80200024', kind: 'fatal' });
  });

  it('is cancelled when its timeout is longer than the inactivity timeout', async () => {
    await using it = await bench();
    const files = [{ remoteUrl: await deadUrl(), localName: it.opened.path('a') }];
    const wait = 100 * 86_400;
    const id = await it.create({ files, resume: true, noProgressTimeoutSeconds: wait, minimumRetryDelaySeconds: wait });
    await expect.poll(() => it.state(id), PATIENCE).toBe('TRANSIENT_ERROR');
    it.clock.advance(91 * DAY_MS);
    await expect.poll(() => it.state(id), PATIENCE).toBe('CANCELLED');
  });
});

describe('the network', () => {
  it('lost means TRANSIENT_ERROR without counting; back means all such jobs are tried again', async () => {
    let online = true;
    await using it = await bench({ online: () => online });
    const remoteUrl = 'http://origin.test/file.bin';
    const id = await it.create({ files: [{ remoteUrl, localName: it.opened.path('a') }] });
    online = false;
    it.clock.advance(2_000);
    await it.service.resume(BENCH_CALLER, id);
    expect(await it.job(id)).toMatchObject({
      state: 'TRANSIENT_ERROR',
      errorCount: 0,
      retryAtMs: null,
      error: { code: 'BG_E_NETWORK_DISCONNECTED', context: 'GENERAL_TRANSPORT' },
    });
    it.clock.advance(DAY_MS);
    expect(await it.job(id)).toMatchObject({ state: 'TRANSIENT_ERROR', errorCount: 0 });
    online = true;
    it.clock.advance(2_000);
    await expect.poll(async () => (await it.job(id)).error?.code, PATIENCE).not.toBe('BG_E_NETWORK_DISCONNECTED');
  });

  it('is not needed for an origin on this machine', async () => {
    await using origin = await OriginServer.start();
    const remoteUrl = origin.serve('/file.bin', { content: bytesContent(Buffer.from('here')) });
    await using it = await bench({ online: () => false });
    const id = await it.create({ files: [{ remoteUrl, localName: it.opened.path('a') }], resume: true });
    await expect.poll(() => it.state(id), PATIENCE).toBe('TRANSFERRED');
  });
});

it('a job that takes longer than its maximum download time is in error, and starts its time anew when resumed', async () => {
  await using origin = await OriginServer.start();
  const content = bytesContent(Buffer.alloc(4 * 2 ** 20));
  const remoteUrl = origin.serve('/slow.bin', { content, faults: { bytesPerSecond: 2 ** 20 } });
  await using it = await bench();
  const files = [{ remoteUrl, localName: it.opened.path('a') }];
  const id = await it.create({ files, resume: true, maximumDownloadTimeSeconds: 60 });
  await expect.poll(async () => (await it.job(id)).bytes.transferred, PATIENCE).toBeGreaterThan(0);
  it.clock.advance(61_000);
  await expect.poll(() => it.state(id), PATIENCE).toBe('ERROR');
  expect((await it.job(id)).error?.code).toBe('BG_E_MAXDOWNLOAD_TIMEOUT');
  await it.service.resume(BENCH_CALLER, id);
  await expect.poll(() => it.state(id), PATIENCE).toBe('TRANSFERRED');
});
