import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { jobIn, SENT_BYTES, STALLED } from './support/in-state.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('what can be read', () => {
  it(covers('E.6/read/identity'), async () => {
    const { id } = await bench.alice.create({ displayName: 'update' });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await bench.alice.get(id)).toMatchObject({ id, type: 'DOWNLOAD', state: 'SUSPENDED', owner: 'alice' });
  });

  it(covers(['E.6/read/times', 'E.6/read/modified']), async () => {
    const beforeMs = Date.now();
    const created = await jobIn('SUSPENDED', bench);
    expect(created.job.createdMs).toBeGreaterThanOrEqual(beforeMs);
    expect(created.job).toMatchObject({ transferredMs: null, endedMs: null });
    await bench.admin.until(created.id, () => Date.now() > created.job.modifiedMs);
    const changed = await bench.admin.set(created.id, { description: 'changed' });
    expect(changed.modifiedMs).toBeGreaterThan(created.job.modifiedMs);
    expect(changed.createdMs).toBe(created.job.createdMs);
    await bench.admin.until(created.id, () => Date.now() > changed.modifiedMs);
    await bench.admin.call(created.id, 'resume');
    const done = await bench.admin.reaches(created.id, 'TRANSFERRED');
    expect(done.modifiedMs).toBeGreaterThan(changed.modifiedMs);
    expect(done.transferredMs).toBeGreaterThan(changed.modifiedMs);
    await bench.admin.call(created.id, 'complete');
    expect((await bench.admin.get(created.id)).endedMs).toBeGreaterThanOrEqual(done.transferredMs as number);
  });

  it(covers('E.6/read/progress'), async () => {
    const { id, job } = await jobIn('SUSPENDED', bench, { file: STALLED });
    expect(job.bytes).toMatchObject({ total: null, transferred: 0 });
    expect((await bench.admin.file(id)).bytesTotal).toBeNull();
    await bench.admin.set(id, { priority: 'FOREGROUND' });
    await bench.admin.call(id, 'resume');
    const half = await bench.admin.until(id, ({ bytes }) => bytes.transferred === SENT_BYTES);
    expect(half).toMatchObject({ bytes: { total: STALLED.bytes }, files: { total: 1, transferred: 0 } });
    expect(await bench.admin.file(id)).toMatchObject({
      bytesTotal: STALLED.bytes,
      bytesTransferred: SENT_BYTES,
      bytesFromOrigin: SENT_BYTES,
    });
  });

  it(covers('E.6/file/response-headers'), async () => {
    const { id } = await jobIn('TRANSFERRED', bench, { file: { headers: { 'x-served-by': 'conformance' } } });
    expect((await bench.admin.file(id)).responseHeaders).toMatchObject({ 'x-served-by': 'conformance' });
  });
});

describe('what cannot be read', () => {
  it('is the secret of a webhook', async () => {
    const webhook = { url: 'http://127.0.0.1:9/hook', secret: 'sixteen characters' };
    const { id } = await bench.admin.create({ webhook });
    expect((await bench.admin.get(id)).properties.webhook).toEqual({ url: webhook.url });
  });
});
