import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import { covers } from './support/covers.ts';
import { HookServer } from './support/hook-server.ts';
import { jobIn } from './support/in-state.ts';
import { eventually } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let dir: Awaited<ReturnType<typeof tempDir>>;
let bench: JobBench;
let hooks: HookServer;
/** Programs that write down their parameters; the second fails. */
let good: string;
let bad: string;
beforeAll(async () => {
  dir = await tempDir();
  good = await program('good', 0);
  bad = await program('bad', 1);
  bench = await JobBench.open({ config: { jobs: { notifyPrograms: [good, bad] } } });
});
beforeEach(async () => {
  hooks = await HookServer.start();
});
afterEach(() => hooks[Symbol.asyncDispose]());
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

/** A script that adds its first parameter, the kind, and its second one to a file, and exits with a status. */
async function program(name: string, status: number): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(
    path,
    `#!/bin/sh\nprintf '%s %s %s\\n' "$1" "$NEARBITS_KIND" "$2" >> ${dir.path}/runs\nexit ${status}\n`,
  );
  await chmod(path, 0o755);
  return path;
}

/** What the runs of a program with this first parameter wrote down. */
async function runs(mark: string): Promise<string[]> {
  const text = await readFile(join(dir.path, 'runs'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line.startsWith(`${mark} `));
}

async function ran(mark: string, times = 1): Promise<string[]> {
  await eventually(
    async () => (await runs(mark)).length >= times,
    () => `${mark} did not run ${times} times`,
  );
  return runs(mark);
}

const command = (path: string, ...parameters: string[]) => ({ notifyCommand: { program: path, parameters } });
async function posted(jobId: string, times = 1): Promise<void> {
  await eventually(
    () => hooks.about(jobId).length >= times,
    () => `the webhook was not called ${times} times`,
  );
}

describe('webhooks', () => {
  it(covers('F/retry/webhook'), async () => {
    hooks.answer = ({ attempt }) => (attempt < 2 ? 500 : 204);
    const { id } = await jobIn('TRANSFERRED', bench, { job: { webhook: hooks.webhook, minimumRetryDelaySeconds: 5 } });
    await posted(id, 2);
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
    await posted(id);
    expect(hooks.about(id)).toHaveLength(1);
    gate.resolve(200);
    await posted(id, 4);
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
    await posted(id);
    hooks.answer = () => 204;
    await bench.restart();
    await posted(id, 2);
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
    await posted(his.id);
    const calls = () => hers.filter(({ id }) => hooks.about(id).length > 0).length;
    expect(calls()).toBe(4);
    gate.resolve(200);
    await eventually(
      () => calls() === 6,
      () => 'the others were not told',
    );
  });
});

describe('commands', () => {
  it(covers(['F/command/transferred', 'F/command/no-expansion']), async () => {
    await jobIn('TRANSFERRED', bench, { job: command(good, 'done', '$HOME *') });
    expect(await ran('done')).toEqual(['done transferred $HOME *']);
  });

  it(covers('F/command/error'), async () => {
    await jobIn('ERROR', bench, { job: command(good, 'failed') });
    expect(await ran('failed')).toEqual(['failed error ']);
  });

  it(covers('F/command/not-modification'), async () => {
    const job = { ...command(good, 'modified'), notifyFlags: 0x19, minimumNotificationIntervalMs: 0 };
    const { id } = await jobIn('TRANSFERRED', bench, { job });
    await bench.admin.set(id, { description: 'changed' });
    expect(await ran('modified')).toEqual(['modified transferred ']);
  });

  it(covers('F/command/late'), async () => {
    const { id } = await jobIn('TRANSFERRED', bench);
    await bench.admin.set(id, command(good, 'late'));
    expect(await ran('late')).toEqual(['late transferred ']);
  });

  it(covers('F/command/after-webhook'), async () => {
    const both = await jobIn('TRANSFERRED', bench, { job: { webhook: hooks.webhook, ...command(good, 'needless') } });
    await posted(both.id);
    await jobIn('TRANSFERRED', bench, { job: command(good, 'after') });
    await ran('after');
    expect(await runs('needless')).toEqual([]);
  });

  it(covers('F/retry/command'), async () => {
    hooks.answer = () => 500;
    const { id } = await jobIn('TRANSFERRED', bench, { job: { webhook: hooks.webhook, ...command(good, 'instead') } });
    expect(await ran('instead')).toEqual(['instead transferred ']);
    expect(hooks.about(id)).toHaveLength(1);
  });

  it(covers(['F/retry/both', 'F/command/exit-code']), async () => {
    hooks.answer = () => 500;
    const started = Date.now();
    const { id } = await jobIn('TRANSFERRED', bench, {
      job: { webhook: hooks.webhook, minimumRetryDelaySeconds: 5, ...command(bad, 'neither') },
    });
    await ran('neither', 2);
    await posted(id, 2);
    expect(Date.now() - started).toBeGreaterThanOrEqual(5000);
  });

  it(covers('F/command/allowed'), async () => {
    const other = await program('other', 0);
    const refused = Promise.withResolvers<string>();
    bench.node.backend.subscribe((event) => {
      if (event.type === 'notification.refused') refused.resolve(event.program);
    });
    await jobIn('TRANSFERRED', bench, { job: command(other, 'foreign') });
    expect(await refused.promise).toBe(other);
    expect(await runs('foreign')).toEqual([]);
  });
});
