import { expect, it } from 'vitest';
import type { JobId } from '../../src/core/ids.ts';
import { ManualClock } from '../../src/core/manual-clock.ts';
import { JobRequest } from '../../src/job/model/view.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BENCH_CALLER, TransferBench } from '../support/transfer-bench.ts';
import { status, WebhookServer } from '../support/webhook-server.ts';

/** Jobs that complete themselves, and whether their owners hear of it. */

const PATIENCE = { timeout: 10_000 };

it('a job that completes itself still tells its webhook, also when that answers only after a restart', async () => {
  await using origin = await OriginServer.start();
  await using hook = await WebhookServer.start();
  await using dir = await tempDir();
  const remoteUrl = origin.serve('/file.bin', { content: bytesContent(Buffer.from('content')) });
  hook.answer = status(500);
  let id: JobId;
  {
    await using bench = await TransferBench.open(dir.path, { clock: new ManualClock(), resume: true });
    const { service } = bench.jobs;
    const request = JobRequest.parse({
      displayName: 'by itself',
      autoComplete: true,
      webhook: { url: hook.url('/hook'), secret: 'a secret of the hook' },
      files: [{ remoteUrl, localName: bench.path('a') }],
      resume: true,
    });
    id = (await service.create(BENCH_CALLER, request)).id as JobId;
    await expect.poll(async () => (await service.get(BENCH_CALLER, id)).state, PATIENCE).toBe('ACKNOWLEDGED');
    await expect.poll(() => hook.seen.length, PATIENCE).toBe(1);
  }
  hook.answer = status(204);
  await using later = await TransferBench.open(dir.path, { clock: new ManualClock(), resume: true });
  await expect.poll(() => hook.seen.length, PATIENCE).toBe(2);
  expect(hook.seen.map(({ json }) => [json.kind, json.jobId])).toEqual([
    ['transferred', id],
    ['transferred', id],
  ]);
  expect((await later.jobs.service.get(BENCH_CALLER, id)).state).toBe('ACKNOWLEDGED');
});
