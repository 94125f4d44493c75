import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { covers } from './support/covers.ts';
import { HookServer } from './support/hook-server.ts';
import { jobIn } from './support/in-state.ts';
import { JobBench } from './support/job-bench.ts';
import { NotifyPrograms } from './support/notify-programs.ts';

let programs: NotifyPrograms;
let bench: JobBench;
let hooks: HookServer;
/** A program that succeeds, and one that fails. */
let good: string;
let bad: string;
beforeAll(async () => {
  programs = await NotifyPrograms.open();
  [good, bad] = [await programs.make('good', 0), await programs.make('bad', 1)];
  bench = await JobBench.open({ config: { jobs: { notifyPrograms: [good, bad] } } });
});
beforeEach(async () => {
  hooks = await HookServer.start();
});
afterEach(() => hooks[Symbol.asyncDispose]());
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await programs[Symbol.asyncDispose]();
});

const command = (program: string, ...parameters: string[]) => ({ notifyCommand: { program, parameters } });

describe('commands', () => {
  it(covers(['F/command/transferred', 'F/command/no-expansion']), async () => {
    await jobIn('TRANSFERRED', bench, { job: command(good, 'done', '$HOME *') });
    expect(await programs.ran('done')).toEqual(['done transferred $HOME *']);
  });

  it(covers('F/command/error'), async () => {
    await jobIn('ERROR', bench, { job: command(good, 'failed') });
    expect(await programs.ran('failed')).toEqual(['failed error ']);
  });

  it(covers('F/command/not-modification'), async () => {
    const job = { ...command(good, 'modified'), notifyFlags: 0x19, minimumNotificationIntervalMs: 0 };
    const { id } = await jobIn('TRANSFERRED', bench, { job });
    await bench.admin.set(id, { description: 'changed' });
    expect(await programs.ran('modified')).toEqual(['modified transferred ']);
  });

  it(covers('F/command/late'), async () => {
    const { id } = await jobIn('TRANSFERRED', bench);
    await bench.admin.set(id, command(good, 'late'));
    expect(await programs.ran('late')).toEqual(['late transferred ']);
  });

  it(covers('F/command/after-webhook'), async () => {
    const both = await jobIn('TRANSFERRED', bench, { job: { webhook: hooks.webhook, ...command(good, 'needless') } });
    await hooks.toldOf(both.id);
    await jobIn('TRANSFERRED', bench, { job: command(good, 'after') });
    await programs.ran('after');
    expect(await programs.runs('needless')).toEqual([]);
  });

  it(covers('F/retry/command'), async () => {
    hooks.answer = () => 500;
    const { id } = await jobIn('TRANSFERRED', bench, { job: { webhook: hooks.webhook, ...command(good, 'instead') } });
    expect(await programs.ran('instead')).toEqual(['instead transferred ']);
    expect(hooks.about(id)).toHaveLength(1);
  });

  it(covers(['F/retry/both', 'F/command/exit-code']), async () => {
    hooks.answer = () => 500;
    const started = Date.now();
    const { id } = await jobIn('TRANSFERRED', bench, {
      job: { webhook: hooks.webhook, minimumRetryDelaySeconds: 5, ...command(bad, 'neither') },
    });
    await programs.ran('neither', 2);
    await hooks.toldOf(id, 2);
    expect(Date.now() - started).toBeGreaterThanOrEqual(5000);
  });

  it(covers('F/command/allowed'), async () => {
    const other = await programs.make('other', 0);
    const refused = Promise.withResolvers<string>();
    bench.node.backend.subscribe((event) => {
      if (event.type === 'notification.refused') refused.resolve(event.program);
    });
    await jobIn('TRANSFERRED', bench, { job: command(other, 'foreign') });
    expect(await refused.promise).toBe(other);
    expect(await programs.runs('foreign')).toEqual([]);
  });
});
