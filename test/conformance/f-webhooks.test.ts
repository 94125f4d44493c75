import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { HookServer } from './support/hook-server.ts';
import { jobIn } from './support/in-state.ts';
import { eventually } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
let hooks: HookServer;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(async () => {
  hooks = await HookServer.start();
});
afterEach(() => hooks[Symbol.asyncDispose]());

describe('webhooks', () => {
  it(covers('F/retry/webhook'), async () => {
    hooks.answer = ({ attempt }) => (attempt < 2 ? 500 : 204);
    const { id } = await jobIn('TRANSFERRED', bench, { job: { webhook: hooks.webhook, minimumRetryDelaySeconds: 5 } });
    await hooks.toldOf(id, 2);
    const [first, second] = hooks.about(id);
    expect(second?.id).toBe(first?.id);
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(4900);
  });

  it(covers('F/order/file-one-by-one'), async () => {
    const gate = Promise.withResolvers<number>();
    hooks.answer = () => gate.promise;
    const files = [bench.file(), bench.file(), bench.file()].map(({ add }) => add);
    const { id } = await bench.admin.create({ files, notifyFlags: 0x11, webhook: hooks.webhook, resume: true });
    await bench.admin.reaches(id, 'TRANSFERRED');
    await hooks.toldOf(id);
    expect(hooks.about(id)).toHaveLength(1);
    gate.resolve(200);
    await hooks.toldOf(id, 4);
    expect(hooks.about(id).map(({ kind }) => kind)).toEqual([...files.map(() => 'file-transferred'), 'transferred']);
  });

  it(covers('F/delivery/last-wins'), async () => {
    await using later = await HookServer.start();
    const { id } = await jobIn('TRANSFERRING', bench, { job: { webhook: hooks.webhook, notifyFlags: 0x13 } });
    await bench.admin.set(id, { webhook: later.webhook });
    await bench.admin.call(id, 'suspend');
    await bench.admin.setRemoteName(id, bench.file().url);
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'TRANSFERRED');
    await eventually(
      () => later.about(id).length === 2,
      () => 'the later webhook was not called',
    );
    expect(hooks.about(id)).toEqual([]);
  });

  it(covers('F/delivery/restart'), async () => {
    hooks.answer = () => 500;
    const { id } = await jobIn('TRANSFERRED', bench, { job: { webhook: hooks.webhook } });
    await hooks.toldOf(id);
    hooks.answer = () => 204;
    await bench.restart();
    await hooks.toldOf(id, 2);
    expect(hooks.about(id)[1]?.id).toBe(hooks.about(id)[0]?.id);
  });

  it(covers(['F/limit/four', 'F/limit/per-user']), async () => {
    const gate = Promise.withResolvers<number>();
    hooks.answer = () => gate.promise;
    const webhook = hooks.webhook;
    const hers = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(() => jobIn('TRANSFERRED', bench, { user: 'alice', job: { webhook } })),
    );
    await eventually(
      () => hooks.posted.length >= 4,
      () => 'no four calls',
    );
    const his = await jobIn('TRANSFERRED', bench, { user: 'bob', job: { webhook } });
    await hooks.toldOf(his.id);
    const calls = () => hers.filter(({ id }) => hooks.about(id).length > 0).length;
    expect(calls()).toBe(4);
    gate.resolve(200);
    await eventually(
      () => calls() === 6,
      () => 'the others were not told',
    );
  });
});
