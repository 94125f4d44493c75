import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { valueNames } from '../../../src/cli/render/job-value.ts';
import { type JobId, newJobId } from '../../../src/core/ids.ts';
import { JobRequest, type JobView } from '../../../src/job/model/view.ts';
import { localOwner } from '../../../src/platform/local-owner.ts';
import { CliMachine } from '../../support/cli-machine.ts';
import type { MemoryJobs } from '../../support/memory-jobs.ts';

const URL_TEXT = 'http://127.0.0.1/a';
const ME = localOwner();

let machine: CliMachine;
let daemon: AsyncDisposable;
let jobs: MemoryJobs;

beforeEach(async () => {
  machine = await CliMachine.create();
  daemon = await machine.startDaemon();
  jobs = machine.backend.jobs;
});

afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await machine[Symbol.asyncDispose]();
});

/** A job with one file, made by the command line. */
async function made(name = 'updates', ...more: string[]): Promise<JobId> {
  const { value } = await machine.json('job', 'create', name, '--file', URL_TEXT, 'a', ...more);
  return value.id;
}

const view = (id: JobId): JobView | undefined => jobs.jobs.get(id)?.view;

describe('nearbits job create and add', () => {
  it('makes a job and says what to do next', async () => {
    const { exit, out, err } = await machine.run(
      'job',
      'create',
      'updates',
      '--priority',
      'low',
      '--description',
      'why',
    );
    expect(exit).toBe(0);
    const id = /^Created job ([0-9a-f-]{36})\.\n$/.exec(out)?.[1] as JobId;
    expect(view(id)).toMatchObject({
      state: 'SUSPENDED',
      owner: ME.name,
      properties: { displayName: 'updates', priority: 'LOW', description: 'why' },
    });
    expect(err).toBe(`Add files: nearbits job add ${id} URL PATH\n`);
    const added = await machine.run('job', 'add', id, URL_TEXT, 'sub/x', '--sha256', 'ab'.repeat(32), '--no-overwrite');
    expect(added.out).toBe(`Added 1 file to job ${id}, which has 1 now.\n`);
    expect(added.err).toBe(`Start it: nearbits job resume ${id}\n`);
    expect(await jobs.files(ME, id)).toMatchObject([
      { remoteUrl: URL_TEXT, localName: join(machine.dir, 'sub/x'), sha256: 'ab'.repeat(32), overwrite: false },
    ]);
  });

  it('takes files at once and begins', async () => {
    const id = await made('updates', '--file', 'http://127.0.0.1/b', '/b', '--resume');
    expect(view(id)).toMatchObject({ state: 'QUEUED', files: { total: 2 } });
  });

  it('adds the files of a text file, or of standard input', async () => {
    const id = await made();
    await writeFile(join(machine.dir, 'set.txt'), '# two\nhttp://h/b b\nhttp://h/c "c d"\n');
    expect((await machine.run('job', 'add-set', 'updates', 'set.txt')).out).toContain('Added 2 files');
    machine.input = 'http://h/e e\n';
    await machine.run('job', 'add-set', 'updates', '-');
    const names = (await jobs.files(ME, id)).map(({ localName }) => localName);
    expect(names).toEqual(['a', 'b', 'c d', 'e'].map((name) => join(machine.dir, name)));
    machine.input = 'http://h/f\n';
    expect((await machine.run('job', 'add-set', 'updates', '-')).err).toContain('standard input:1: 1 words');
    expect((await machine.run('job', 'add-set', 'updates', 'missing')).err).toContain(
      'missing cannot be read (ENOENT)',
    );
  });

  it('adds ranges in the order given', async () => {
    const id = await made();
    await machine.run('job', 'add-ranges', id, URL_TEXT, 'r', '10:5,0:5,20:eof');
    expect((await jobs.files(ME, id))[1]?.ranges).toEqual([
      { offset: 10, length: 5 },
      { offset: 0, length: 5 },
      { offset: 20, length: 'EOF' },
    ]);
    expect((await machine.run('job', 'files', id)).out).toContain('(10:5,0:5,20:eof)');
  });

  it.each([
    [['create', 'x', '--file', 'http://h/a'], 'E_INVALIDARG'],
    [['create', 'x', '--priority', 'urgent'], 'E_NOTIMPL'],
    [['create', 'a\u0007b'], 'E_INVALIDARG'],
    [['create', 'x'.repeat(257)], 'BG_E_STRING_TOO_LONG'],
    [['create'], 'E_INVALID_ARGUMENT'],
  ])('refuses job %j', async (args, code) => {
    expect(await machine.json('job', ...args)).toMatchObject({ exit: 2, value: { error: { code } } });
    expect(jobs.jobs.size).toBe(0);
  });
});

describe('the name of a job', () => {
  it('is its id, with or without braces, or its display name', async () => {
    const id = await made('my job');
    for (const text of [id, `{${id.toUpperCase()}}`, 'my job']) {
      expect((await machine.json('job', 'info', text)).value.id).toBe(id);
    }
    await jobs.cancel(ME, id);
    expect((await machine.json('job', 'info', 'my job')).value.state).toBe('CANCELLED');
  });

  it('must be clear', async () => {
    const ids = [await made('twice'), await made('twice')].sort();
    const { exit, value } = await machine.json('job', 'info', 'twice');
    expect(exit).toBe(2);
    expect(value.error).toMatchObject({ code: 'E_INVALIDARG', details: { ids }, hint: expect.any(String) });
    expect(value.error.message).toBe(`2 jobs are called "twice": ${ids.join(', ')}`);
    await jobs.cancel(ME, ids[0] as JobId);
    expect((await machine.json('job', 'info', 'twice')).value.id).toBe(ids[1]);
  });

  it.each(['nobody', newJobId()])('must be known: %s', async (text) => {
    expect(await machine.json('job', 'info', text)).toMatchObject({
      exit: 4,
      value: { error: { code: 'BG_E_NOT_FOUND' } },
    });
  });
});

describe('nearbits job ls, info, files and errors', () => {
  it('list the jobs that go on, or all', async () => {
    const id = await made('one\u202e');
    const old = await made('two');
    await jobs.cancel(ME, old);
    jobs.fill(id, 0, '/tmp/x', 2048, [{ offset: 0, length: 1024 }]);
    const { out, err } = await machine.run('job', 'ls');
    expect(out).toBe(`${id}  one?  TRANSFERRING  NORMAL  0/1 files  1 KiB of 2 KiB\n`);
    expect(err).toBe('Listed 1 job.\n');
    expect((await machine.json('job', 'ls', '--ended')).value.jobs).toHaveLength(2);
    const all = await machine.run('job', 'ls', '--all-users', '--ended', '--verbose');
    expect(all.out).toMatch(/name +two\n/);
    expect(all.out).toMatch(/notifications +transferred, error\n/);
    await jobs.cancel(ME, id);
    expect((await machine.run('job', 'ls')).out).toBe('no jobs\n');
  });

  it('tell everything about one job', async () => {
    const id = await made();
    jobs.fail(id, 'BG_E_HTTP_ERROR_404');
    const { out } = await machine.run('job', 'info', id, '--verbose');
    expect(out).toMatch(/state +ERROR/);
    expect(out).toMatch(/last error +the origin has no such file \(BG_E_HTTP_ERROR_404\)/);
    expect(out).toMatch(/no-progress timeout +14 d/);
    expect(out).toContain(`0  0 bytes of unknown size  waiting  ${URL_TEXT} -> ${join(machine.dir, 'a')}`);
    expect((await machine.json('job', 'info', id, '--verbose')).value.fileList).toHaveLength(1);
    expect((await machine.run('job', 'info', id)).out).not.toContain('no-progress');
    const errors = await machine.run('job', 'errors', id);
    expect(errors.out).toMatch(/code +BG_E_HTTP_ERROR_404 \(0x80190194\), fatal, from E_ORIGIN_STATUS/);
    expect(errors.out).toMatch(/next +look at the URL/);
  });

  it('say that there is no error', async () => {
    const id = await made();
    expect((await machine.json('job', 'errors', id)).value.error.code).toBe('BG_E_ERROR_INFORMATION_UNAVAILABLE');
    const { value } = await machine.json('job', 'create', 'empty');
    expect((await machine.run('job', 'files', value.id)).out).toBe('the job has no files\n');
  });
});

describe('nearbits job suspend, resume, complete, cancel, take-ownership and reset', () => {
  it('move the job and say what comes next', async () => {
    const id = await made();
    expect(await machine.run('job', 'resume', id)).toMatchObject({
      out: `Resumed job ${id}.\n`,
      err: `Follow it: nearbits job monitor ${id}\n`,
    });
    expect(await machine.run('job', 'suspend', id)).toMatchObject({ out: `Suspended job ${id}.\n` });
    jobs.transferred(id);
    expect((await machine.run('job', 'complete', id)).out).toBe(`Completed job ${id}: 1 file.\n`);
    expect(await machine.json('job', 'resume', id)).toMatchObject({
      exit: 11,
      value: { error: { code: 'BG_E_INVALID_STATE', details: { state: 'ACKNOWLEDGED', call: 'resume' } } },
    });
  });

  it('tell what was left out', async () => {
    const id = await made();
    expect((await machine.run('job', 'complete', id)).out).toContain('in part: 0 of 1 files are there');
    const other = await made();
    expect((await machine.json('job', 'cancel', other)).value).toMatchObject({
      code: 'S_OK',
      job: { state: 'CANCELLED' },
    });
    const { value } = await machine.json('job', 'create', 'empty');
    expect((await machine.json('job', 'resume', value.id)).value.error.code).toBe('BG_E_EMPTY');
  });

  it('take jobs of others over, and cancel all', async () => {
    await made();
    const other = { name: 'other', administrator: false, folders: null };
    const { id } = await jobs.create(other, JobRequest.parse({ displayName: 'theirs' }));
    expect((await machine.run('job', 'take-ownership', id)).out).toContain(`belongs to ${ME.name} now`);
    const { out } = await machine.run('job', 'reset', '--all-users');
    expect(out).toMatch(/^Cancelled job .*\nCancelled job .*\n2 jobs cancelled\.\n$/);
    expect((await machine.json('job', 'reset')).value).toEqual({ results: [] });
  });
});

describe('nearbits job set and get', () => {
  it('change properties and print them raw', async () => {
    const id = await made();
    const words = ['priority=high', 'minimum-retry-delay=2min', 'notify-flags=error', 'custom-headers=X-A: 1'];
    expect((await machine.run('job', 'set', id, ...words)).out).toBe(
      `Changed priority, minimum-retry-delay, notify-flags, custom-headers of job ${id}.\n`,
    );
    const got = async (name: string, ...more: string[]) => (await machine.run('job', 'get', id, name, ...more)).out;
    expect(await got('priority')).toBe('HIGH\n');
    expect(await got('minimum-retry-delay')).toBe('120\n');
    expect(await got('notifyFlags')).toBe('2\n');
    expect(await got('custom-headers')).toBe('X-A: 1\n');
    expect(await got('state')).toBe('SUSPENDED\n');
    expect(await got('bytes-total')).toBe('unknown\n');
    expect(await got('completion-time')).toBe('none\n');
    expect(await got('proxy')).toBe('PRECONFIG\n');
    expect(await got('temporary-name', '--file', '0')).toBe('none\n');
    expect(await got('peer-stats', '--file', '0')).toBe('origin 0\npeers 0\ncache 0\n');
    expect((await machine.json('job', 'get', id, 'files-total')).value).toEqual({ property: 'files-total', value: 1 });
    jobs.fail(id, 'BG_E_HTTP_ERROR_404');
    expect(await got('error')).toBe('BG_E_HTTP_ERROR_404\n');
    expect(await got('error-count')).toBe('1\n');
  });

  it('know every value that the help names', async () => {
    const id = await made();
    jobs.fail(id, 'BG_E_HTTP_ERROR_404');
    expect((await machine.run('job', 'get', '--help')).out).toContain(valueNames().join(', '));
    for (const name of valueNames()) {
      expect(await machine.run('job', 'get', id, name, '--file', '0'), name).toMatchObject({ exit: 0, err: '' });
    }
  });

  it('read headers and the secret of a webhook from elsewhere', async () => {
    const id = await made();
    await writeFile(join(machine.dir, 'headers'), 'X-A: 1\nAuthorization: secret\n');
    machine.input = `${'s'.repeat(20)}\n`;
    await machine.run('job', 'set', id, 'custom-headers=@headers', 'webhook=https://h/hook');
    expect(view(id)?.properties).toMatchObject({
      customHeaders: { 'X-A': '1', Authorization: 'secret' },
      webhook: { url: 'https://h/hook' },
    });
    await writeFile(join(machine.dir, 'short'), 'short');
    expect((await machine.json('job', 'set', id, 'webhook=https://h/hook', '--secret-file', 'short')).exit).toBe(2);
    machine.input = '\n';
    expect((await machine.json('job', 'set', id, 'webhook=https://h/hook')).value.error.message).toBe(
      'no secret was given',
    );
  });

  it.each([
    [['set', 'updates', 'colour=red'], 'BG_E_UNKNOWN_PROPERTY_ID'],
    [['set', 'updates', 'notify-flags=64'], 'E_NOTIMPL'],
    [['get', 'updates', 'colour'], 'BG_E_UNKNOWN_PROPERTY_ID'],
    [['get', 'updates', 'validation'], 'E_INVALIDARG'],
    [['get', 'updates', 'validation', '--file', '-1'], 'E_INVALIDARG'],
    [['get', 'updates', 'validation', '--file', '9'], 'E_INVALIDARG'],
  ])('refuse %j', async (args, code) => {
    await made();
    expect(await machine.json('job', ...args)).toMatchObject({ exit: 2, value: { error: { code } } });
  });
});

describe('nearbits job set-url, replace-prefix, validate, ranges, filled and position', () => {
  it('concern single files', async () => {
    const id = await made();
    await machine.run('job', 'set-url', id, '0', 'http://127.0.0.1/new');
    expect((await machine.json('job', 'replace-prefix', id, 'http://127.0.0.1/', 'http://h/')).value.code).toBe('S_OK');
    expect((await jobs.files(ME, id))[0]?.remoteUrl).toBe('http://h/new');
    expect((await machine.run('job', 'replace-prefix', id, 'ftp:', 'x')).out).toContain(
      'nothing was changed. (S_FALSE)',
    );
    await machine.run('job', 'ranges', id, '0', '0:10');
    expect((await machine.run('job', 'filled', id, '0')).out).toBe('none\n');
    jobs.fill(id, 0, '/tmp/x', 100, [{ offset: 0, length: 10 }]);
    expect((await machine.run('job', 'filled', id, '0')).out).toBe('0:10\n');
    await machine.run('job', 'position', id, '0', '50');
    expect(jobs.positions).toEqual([50]);
    expect((await machine.json('job', 'validate', id, '0', 'true')).value.error.code).toBe('E_PENDING');
    jobs.transferred(id);
    expect((await machine.run('job', 'validate', id, '0', 'FALSE')).out).toContain('counts as invalid');
    expect((await machine.run('job', 'get', id, 'validation', '--file', '0')).out).toBe('invalid\n');
  });

  it.each([
    [['validate', 'x', 'first', 'true']],
    [['validate', 'x', '0', 'maybe']],
    [['position', 'x', '0', '1e3']],
    [['ranges', 'x', '0', '1-2']],
  ])('refuse %j before anything is asked', async (args) => {
    expect(await machine.json('job', ...args)).toMatchObject({ exit: 2, value: { error: { code: 'E_INVALIDARG' } } });
  });
});

describe('credentials and certificates', () => {
  it('never come from the command line', async () => {
    const id = await made();
    machine.input = 'pass word\n';
    const { out } = await machine.run('job', 'set-credentials', id, 'server', 'basic', 'alice');
    expect(out).toBe(`Job ${id} has BASIC credentials for SERVER.\n`);
    expect(jobs.secrets).toEqual([{ target: 'SERVER', scheme: 'BASIC', user: 'alice', password: 'pass word' }]);
    await writeFile(join(machine.dir, 'token'), 'abc\r\n');
    await machine.run('job', 'set-credentials', id, 'PROXY', 'BEARER', '--password-file', 'token');
    expect(jobs.secrets[1]).toEqual({ target: 'PROXY', scheme: 'BEARER', user: null, password: 'abc' });
    expect((await machine.run('job', 'get', id, 'credentials')).out).toBe('PROXY BEARER\n');
    expect((await machine.json('job', 'remove-credentials', id, 'proxy', 'bearer')).value.code).toBe('S_OK');
    expect((await machine.run('job', 'remove-credentials', id, 'proxy', 'bearer')).out).toContain('S_FALSE');
    await writeFile(join(machine.dir, 'big'), 'x'.repeat(70_001));
    const big = await machine.json('job', 'set-credentials', id, 'PROXY', 'BEARER', '--password-file', 'big');
    expect(big.value.error.message).toContain('more than 70000 bytes');
  });

  it('are files for certificates', async () => {
    const id = await made();
    await writeFile(join(machine.dir, 'c.pem'), 'CERT');
    await writeFile(join(machine.dir, 'k.pem'), 'KEY');
    expect((await machine.run('job', 'set-certificate', id, 'c.pem', 'k.pem')).out).toContain('CN=test');
    expect(jobs.secrets).toEqual([{ certificatePem: 'CERT', keyPem: 'KEY' }]);
    expect((await machine.run('job', 'remove-certificate', id)).out).toContain('forgotten');
    expect((await machine.run('job', 'remove-certificate', id)).out).toContain('S_FALSE');
  });
});

describe('nearbits job monitor', () => {
  it('prints blocks until Ctrl+C', async () => {
    await made();
    const looked = Promise.withResolvers<string>();
    machine.onPrint = looked.resolve;
    const ended = machine.run('job', 'monitor', '--refresh', '3600');
    expect(await looked.promise).toContain('updates');
    machine.pressCtrlC();
    const { exit, out } = await ended;
    expect(exit).toBe(0);
    expect(out).toMatch(/^\S+Z {2}1 job\n.*SUSPENDED.*\n\n$/);
  });

  it('draws over itself for a person, within the screen', async () => {
    for (let count = 0; count < 30; count++) await made(`job ${count}`);
    machine.isTerminal = true;
    const looked = Promise.withResolvers<string>();
    machine.onPrint = looked.resolve;
    const ended = machine.run('job', 'monitor');
    const screen = await looked.promise;
    machine.pressCtrlC();
    await ended;
    expect(screen.startsWith('\u001b[H\u001b[J')).toBe(true);
    expect(screen.trim().split('\n').length).toBeLessThan(24);
    expect(screen).toContain('more');
  });

  it('ends with the job that was named, one line of JSON a look', async () => {
    const id = await made();
    await jobs.cancel(ME, id);
    const { out } = await machine.run('job', 'monitor', id, '--json');
    expect(JSON.parse(out).jobs).toMatchObject([{ id, state: 'CANCELLED' }]);
    expect((await machine.json('job', 'monitor', id, '--refresh', '0')).exit).toBe(2);
  });
});

describe('nearbits job notifications', () => {
  it('prints them until Ctrl+C and acknowledges on request', async () => {
    const id = await made('one');
    jobs.notify(id, 'transferred');
    const printed = Promise.withResolvers<string>();
    machine.onPrint = (text) => {
      if (text.includes(id)) printed.resolve(text);
    };
    const ended = machine.run('job', 'notifications', 'one', '--acknowledge');
    expect(await printed.promise).toMatch(new RegExp(`transferred {2}${id} {2}one {2}SUSPENDED`));
    await jobs.until(() => jobs.waiting.length === 0);
    machine.pressCtrlC();
    expect((await ended).exit).toBe(0);
  });
});

describe('nearbits explain', () => {
  it('works for jobs by id and by name', async () => {
    const id = await made();
    for (const text of [id, 'updates']) {
      expect((await machine.run('explain', text)).out).toMatch(/HEAD +asked the origin/);
    }
    expect((await machine.json('explain', id)).value).toMatchObject({
      job: { id },
      files: [{ index: 0 }],
      trace: [{}],
    });
  });
});

describe('job commands', () => {
  it('need a running node', async () => {
    await daemon[Symbol.asyncDispose]();
    for (const args of [['ls'], ['create', 'x'], ['reset'], ['monitor'], ['info', 'x']]) {
      const { exit, err } = await machine.run('job', ...args);
      expect({ exit, err }).toEqual({ exit: 5, err: expect.stringContaining('nearbits up') });
    }
    daemon = await machine.startDaemon();
  });
});
