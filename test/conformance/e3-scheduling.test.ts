import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/job/model/view.ts';
import { covers } from './support/covers.ts';
import { STALLED } from './support/in-state.ts';
import { JobBench, type TestFile } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open({ config: { jobs: { timeSlice: '1s' } } });
});
afterEach(() => bench.admin.ask('POST', '/v1/jobs/reset', { allUsers: true }));
afterAll(() => bench[Symbol.asyncDispose]());

const stalled = () => bench.file(STALLED);
const job = (priority: string, ...files: readonly TestFile[]): Promise<JobView> =>
  bench.admin.create({ priority, resume: true, files: files.map(({ add }) => add) });
const statesOf = async (jobs: readonly JobView[]) =>
  (await Promise.all(jobs.map(({ id }) => bench.admin.get(id)))).map(({ state }) => state);

describe('which jobs run', () => {
  it(covers(['E.3/foreground/all', 'E.3/background/one']), async () => {
    const foreground = await Promise.all([1, 2, 3, 4, 5].map(() => job('FOREGROUND', stalled())));
    const first = await job('HIGH', stalled());
    const background = [await job('NORMAL', stalled()), await job('LOW', stalled())];
    for (const { id } of [...foreground, first]) await bench.admin.reaches(id, 'TRANSFERRING');
    expect(await statesOf(background)).toEqual(['QUEUED', 'QUEUED']);
  });

  it(covers('E.3/files/in-turn'), async () => {
    const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const files = answers.map(({ promise }) => bench.file({ faults: { waitFor: promise } }));
    const { id } = await job('NORMAL', ...files);
    for (const [index, answer] of answers.entries()) {
      await bench.asked(files[index] as TestFile);
      for (const later of files.slice(index + 1)) expect(bench.origin.statsOf(later.path).requests).toBe(0);
      expect((await bench.admin.get(id)).files.transferred).toBe(index);
      answer.resolve();
    }
    await bench.admin.reaches(id, 'TRANSFERRED');
  });

  it(covers(['E.3/preempt/higher-first', 'E.3/preempt/keeps-bytes']), async () => {
    const [bytes, sent] = [3_300_000, 1_500_000];
    const file = bench.file({ bytes, faults: { stallAfterBytes: sent } });
    const low = await job('LOW', file);
    await bench.admin.until(low.id, (job) => job.bytes.fromOrigin === sent);
    const high = await job('HIGH', stalled());
    await bench.admin.reaches(high.id, 'TRANSFERRING');
    await bench.admin.reaches(low.id, 'QUEUED');
    bench.mend(file);
    await bench.admin.call(high.id, 'cancel');
    await bench.admin.reaches(low.id, 'TRANSFERRED');
    expect(bench.origin.statsOf(file.path).bytesSent).toBe(bytes);
    await bench.admin.call(low.id, 'complete');
    expect(await readFile(file.localName)).toEqual(file.content);
  });

  it(covers('E.3/level/exhausted'), async () => {
    const [first, failing] = [stalled(), bench.file({ faults: { status: 503 } })];
    const above = await job('HIGH', first);
    await bench.admin.reaches(above.id, 'TRANSFERRING');
    const inError = await job('HIGH', failing);
    const below = await job('NORMAL', bench.file());
    expect(await statesOf([below])).toEqual(['QUEUED']);
    bench.mend(first);
    await bench.admin.call(above.id, 'suspend');
    await bench.admin.reaches(below.id, 'TRANSFERRED');
    expect(await statesOf([inError])).toEqual(['TRANSIENT_ERROR']);
  });
});

describe('turns', () => {
  it(covers(['E.3/level/round-robin', 'E.2/move/slice-over', 'E.3/slice/length']), async () => {
    // Large enough for many turns, each of which brings 2 MiB.
    const large = () => bench.file({ ...STALLED, bytes: 15 * 2 ** 20 });
    const jobs = await Promise.all([1, 2, 3].map(() => job('NORMAL', large())));
    const running = new Set<string>();
    for (const { id } of jobs) {
      await bench.admin.reaches(id, 'TRANSFERRING');
      running.add(id);
      const states = await statesOf(jobs);
      expect(states.filter((state) => state === 'CONNECTING' || state === 'TRANSFERRING').length).toBeLessThanOrEqual(
        1,
      );
    }
    const [first] = jobs as [JobView];
    expect(await bench.admin.reaches(first.id, 'QUEUED')).toMatchObject({ errorCount: 0 });
    await bench.admin.reaches(first.id, 'TRANSFERRING');
  });

  it(covers('E.3/level/first-come'), async () => {
    const gate = Promise.withResolvers<void>();
    const holder = bench.file({ faults: { waitFor: gate.promise } });
    const held = await job('HIGH', holder);
    await bench.asked(holder);
    const files = [bench.file(), bench.file(), bench.file()];
    const jobs: JobView[] = [];
    for (const file of files) jobs.push(await job('NORMAL', file));
    gate.resolve();
    for (const { id } of [held, ...jobs]) await bench.admin.reaches(id, 'TRANSFERRED');
    const asked = bench.origin.seen.map(({ path }) => path).filter((path) => files.some((file) => file.path === path));
    expect([...new Set(asked)]).toEqual(files.map(({ path }) => path));
  });
});
