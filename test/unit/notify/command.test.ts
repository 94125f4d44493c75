import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { COMMAND_TIMEOUT_MS, CommandRunner } from '../../../src/notify/command.ts';
import type { PendingNotification } from '../../../src/notify/notification.ts';
import { until } from '../../support/notify-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

let temp: Awaited<ReturnType<typeof tempDir>>;
let clock: ManualClock;
let runner: CommandRunner;
let allowed: string[];

beforeEach(async () => {
  temp = await tempDir();
  clock = new ManualClock();
  allowed = [];
  runner = new CommandRunner({ clock }, { allowedPrograms: () => allowed });
});
afterEach(() => temp[Symbol.asyncDispose]());

const notification: PendingNotification = {
  id: '0000000000000001',
  jobId: newJobId(),
  owner: 'alice',
  kind: 'error',
  urgent: true,
  atMs: 0,
  attempt: 1,
  data: null,
};

async function program(script: string): Promise<string> {
  const path = join(temp.path, 'hook');
  await writeFile(path, `#!/bin/sh\ncd '${temp.path}' || exit 99\n${script}\n`);
  await chmod(path, 0o700);
  allowed = [path];
  return path;
}

const run = (path: string, parameters: readonly string[] = [], signal = new AbortController().signal) =>
  runner.run({ program: path, parameters }, notification, signal);

const written = (name: string): Promise<string> => readFile(join(temp.path, name), 'utf8');

describe.skipIf(process.platform === 'win32')('CommandRunner', () => {
  it('hands parameters on untouched', async () => {
    const odd = [
      'two words',
      '$HOME',
      '%PATH%',
      '"quoted"',
      "it's",
      '`id`',
      '$(id)',
      '; id',
      '',
      '*',
      '-n',
      'a\nb',
      '\\',
    ];
    const path = await program('printf "%s\\0" "$@" > parameters');
    expect(await run(path, odd)).toEqual({ result: 'delivered' });
    expect((await written('parameters')).split('\0').slice(0, -1)).toEqual(odd);
  });

  it('gives a fixed environment, no input and the root folder', async () => {
    process.env.NEARBITS_TEST_SECRET = 'secret';
    const path = join(temp.path, 'hook');
    const report = `/usr/bin/env > ${temp.path}/env; pwd > ${temp.path}/cwd; cat > ${temp.path}/input; echo loud; echo loud >&2`;
    await writeFile(path, `#!/bin/sh\n${report}\n`, { mode: 0o700 });
    allowed = [path];
    try {
      expect(await run(path)).toEqual({ result: 'delivered' });
    } finally {
      delete process.env.NEARBITS_TEST_SECRET;
    }
    const lines = (await written('env')).trim().split('\n');
    // The shell itself sets PWD, OLDPWD, SHLVL and _.
    const given = lines.filter((line) => !/^(OLDPWD|PWD|SHLVL|_)=/.test(line)).sort();
    const { jobId } = notification;
    expect(given).toEqual(['LANG=C.UTF-8', `NEARBITS_JOB_ID=${jobId}`, 'NEARBITS_KIND=error', 'PATH=/usr/bin:/bin']);
    expect([await written('cwd'), await written('input')]).toEqual(['/\n', '']);
  });

  it('starts the program under its name on the list', async () => {
    allowed = ['/bin/sh'];
    const outcome = await run('/bin/sh', ['-c', `tr '\\0' '\\n' < /proc/$$/cmdline | head -1 > ${temp.path}/name`]);
    if (process.platform !== 'linux') return;
    expect(outcome).toEqual({ result: 'delivered' });
    expect(await written('name')).toBe('/bin/sh\n');
  });

  it('tells the exit status or the signal', async () => {
    expect(await run(await program('exit 3'))).toEqual({
      result: 'failed',
      message: 'the command exited with status 3',
    });
    const killed = { result: 'failed', message: 'the command was ended by SIGKILL' };
    expect(await run(await program('kill -9 $$'))).toEqual(killed);
  });

  it('does not run what is not allowed', async () => {
    const path = await program('touch ran');
    allowed = [];
    expect(await run(path)).toEqual({
      result: 'refused',
      program: path,
      message: 'the program is not on the list of the administrator',
    });
    await expect(written('ran')).rejects.toThrow('ENOENT');
  });

  it('fails when the program cannot be started', async () => {
    const path = await program('exit 0');
    await chmod(path, 0o600);
    expect(await run(path)).toEqual({ result: 'failed', message: 'the command could not be run (EACCES)' });
    await chmod(path, 0o700);
    expect(await run(path, ['a\0b'])).toMatchObject({ result: 'failed' });
    expect(await run(path, ['x'.repeat(8 * 1024 * 1024)])).toMatchObject({ result: 'failed' });
  });

  it('ends a command and its children after 15 minutes', async () => {
    const child = "(trap 'echo ended > child; exit' TERM; echo begun > child; while :; do sleep 0.05; done) &";
    const running = run(await program(`${child} wait`));
    await until(async () => expect(await written('child')).toBe('begun\n'));
    clock.advance(COMMAND_TIMEOUT_MS - 1);
    expect(await Promise.race([running, Promise.resolve('runs')])).toBe('runs');
    clock.advance(1);
    expect(await running).toEqual({ result: 'failed', message: 'the command was ended by SIGTERM' });
    await until(async () => expect(await written('child')).toBe('ended\n'));
    expect(clock.nextTimerInMs()).toBeNull();
  });

  it('kills a command that does not let itself be ended', async () => {
    const path = await program("trap 'echo asked > asked' TERM; echo begun > begun; while :; do sleep 0.05; done");
    const running = run(path);
    await until(async () => expect(await written('begun')).toBe('begun\n'));
    clock.advance(COMMAND_TIMEOUT_MS);
    await until(async () => expect(await written('asked')).toBe('asked\n'));
    clock.advance(2000);
    expect(await running).toEqual({ result: 'failed', message: 'the command was ended by SIGKILL' });
  });

  it('ends the command when it is stopped', async () => {
    const stop = new AbortController();
    const path = await program('echo begun > begun; sleep 1000');
    const running = run(path, [], stop.signal);
    await until(async () => expect(await written('begun')).toBe('begun\n'));
    stop.abort();
    expect(await running).toMatchObject({ result: 'failed' });
  });
});
