import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { jobIn } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';
import { kindsUntil, toldUntil } from './support/told.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('flags', () => {
  it(covers(['F/flag/transferred', 'F/delivery/late']), async () => {
    const { id } = await jobIn('TRANSFERRED', bench);
    const [first] = await toldUntil(bench.admin, () => true, id);
    expect(first).toMatchObject({ kind: 'transferred', jobId: id, attempt: 1, job: { state: 'TRANSFERRED' } });
  });

  it(covers('F/flag/error'), async () => {
    const { id, file } = await jobIn('TRANSIENT_ERROR', bench);
    bench.mend(file, { faults: { status: 404 } });
    await bench.admin.call(id, 'resume');
    await bench.admin.reaches(id, 'ERROR');
    const told = await toldUntil(bench.admin, () => true, id);
    expect(told[0]).toMatchObject({ kind: 'error', job: { state: 'ERROR', error: { code: 'BG_E_HTTP_ERROR_404' } } });
  });

  it(covers('F/flag/disable'), async () => {
    const silent = await jobIn('TRANSFERRED', bench, { job: { notifyFlags: 0x3f } });
    const other = await jobIn('TRANSFERRED', bench);
    const told = await toldUntil(bench.admin, ({ jobId }) => jobId === other.id);
    expect(told.map(({ jobId }) => jobId)).not.toContain(silent.id);
  });

  it(covers('F/flag/modification'), async () => {
    const { id } = await jobIn('SUSPENDED', bench, { job: { notifyFlags: 8 } });
    await bench.admin.set(id, { description: 'changed' });
    expect(await kindsUntil(bench.admin, id, 'modification')).toEqual(['modification']);
    const running = await jobIn('TRANSFERRING', bench, { job: { notifyFlags: 8 } });
    expect(await kindsUntil(bench.admin, running.id, 'modification')).toEqual(['modification']);
  });

  it(covers('F/flag/modification-end'), async () => {
    const { id } = await jobIn('TRANSFERRED', bench, { job: { notifyFlags: 9, minimumNotificationIntervalMs: 0 } });
    const told = await toldUntil(bench.admin, ({ kind }) => kind === 'transferred', id);
    const states = told.filter(({ kind }) => kind === 'modification').map(({ job }) => job.state);
    expect(states.filter((state) => state === 'TRANSFERRED' || state === 'ERROR')).toEqual([]);
  });

  it(covers(['F/flag/file', 'F/order/file-first']), async () => {
    const files = [bench.file(), bench.file()].map(({ add }) => add);
    const { id } = await bench.admin.create({ files, notifyFlags: 0x11, resume: true });
    const told = await toldUntil(bench.admin, ({ kind }) => kind === 'transferred', id);
    expect(told.map(({ kind, file }) => [kind, file])).toEqual([
      ['file-transferred', 0],
      ['file-transferred', 1],
      ['transferred', null],
    ]);
  });

  it(covers('F/order/file-first', 'also before an error'), async () => {
    const files = [bench.file().add, bench.file({ faults: { status: 404 } }).add];
    const { id } = await bench.admin.create({ files, notifyFlags: 0x12, resume: true });
    expect(await kindsUntil(bench.admin, id, 'error')).toEqual(['file-transferred', 'error']);
  });

  it(covers('F/flag/ranges'), async () => {
    const file = bench.file({ bytes: 5_000_000 });
    const { id } = await bench.admin.create({ files: [file.add], onDemandMode: true, notifyFlags: 0x20 });
    await bench.admin.requestRanges(id, [{ offset: 3_000_000, length: 1000 }]);
    await bench.admin.call(id, 'resume');
    const [note] = await toldUntil(bench.admin, () => true, id);
    expect(note).toMatchObject({ kind: 'file-ranges-transferred', file: 0 });
    const [range] = note?.ranges ?? [];
    expect(range?.offset).toBeLessThanOrEqual(3_000_000);
    expect((range?.offset ?? 0) + (range?.length ?? 0)).toBeGreaterThanOrEqual(3_001_000);
  });

  it(covers('E.6/minimumNotificationInterval/spacing'), async () => {
    const notifyFlags = 8;
    const spaced = await jobIn('SUSPENDED', bench, { job: { notifyFlags, minimumNotificationIntervalMs: 86_400_000 } });
    const dense = await jobIn('SUSPENDED', bench, { job: { notifyFlags, minimumNotificationIntervalMs: 0 } });
    const seen = { [spaced.id]: new Set<string>(), [dense.id]: new Set<string>() };
    for (const description of ['one', 'two', 'three']) {
      for (const { id } of [spaced, dense]) await bench.admin.set(id, { description });
      const told = await toldUntil(bench.admin, (note) => note.jobId === dense.id && !seen[dense.id]?.has(note.id));
      for (const { jobId, id } of told) seen[jobId]?.add(id);
    }
    expect([seen[spaced.id]?.size, seen[dense.id]?.size]).toEqual([1, 3]);
  });
});

describe('delivery', () => {
  it(covers(['F/delivery/again', 'F/delivery/acknowledged']), async () => {
    const { id } = await jobIn('TRANSFERRED', bench, { job: { notifyFlags: 0x11 } });
    const isLast = ({ kind }: { kind: string }) => kind === 'transferred';
    const first = await toldUntil(bench.admin, isLast, id);
    const again = await toldUntil(bench.admin, isLast, id);
    expect(again.map((note) => note.id)).toEqual(first.map((note) => note.id));
    await bench.admin.acknowledge(first[0]?.id as string);
    expect((await toldUntil(bench.admin, isLast, id)).map(({ kind }) => kind)).toEqual(['transferred']);
    expect(await codeOf(bench.admin.acknowledge('0000000000000000'))).toBe('S_OK');
  });

  it(covers('F/delivery/owner'), async () => {
    const hers = await jobIn('TRANSFERRED', bench, { user: 'alice' });
    const his = await jobIn('TRANSFERRED', bench, { user: 'bob' });
    const about = async (api: JobBench['admin'], last: string) =>
      (await toldUntil(api, ({ jobId }) => jobId === last)).map(({ jobId }) => jobId);
    expect(await about(bench.bob, his.id)).toEqual([his.id]);
    expect(await about(bench.admin, his.id)).toEqual(expect.arrayContaining([hers.id, his.id]));
    const [note] = await toldUntil(bench.alice, () => true, hers.id);
    await bench.bob.acknowledge(note?.id as string);
    expect(await about(bench.alice, hers.id)).toEqual([hers.id]);
    expect(await codeOf(bench.bob.ask('GET', `/v1/notifications?job=${hers.id}`))).toBe('BG_E_NOT_FOUND');
  });
});
