import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobId } from '../../../src/core/ids.ts';
import type { NodeEvent } from '../../../src/observe/events.ts';
import { localOwner } from '../../../src/platform/local-owner.ts';
import { CliMachine } from '../../support/cli-machine.ts';
import type { MemoryJobs } from '../../support/memory-jobs.ts';

const URL_TEXT = 'http://127.0.0.1/a';
const ME = localOwner();

let machine: CliMachine;
let jobs: MemoryJobs;

beforeEach(async () => {
  machine = await CliMachine.create();
  jobs = machine.backend.jobs;
});

afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

/** Does something with the job once it was resumed, after that was told to everybody. */
function whenQueued(move: (id: JobId) => unknown): void {
  machine.backend.subscribe((event: NodeEvent) => {
    if (event.type === 'job.state' && event.to === 'QUEUED') setImmediate(() => void move(event.jobId));
  });
}

/** The bytes of the first file come. */
async function fetchFirst(id: JobId): Promise<void> {
  const temporary = join(machine.dir, 'temporary');
  await writeFile(temporary, 'hello');
  jobs.fill(id, 0, temporary, 5, [{ offset: 0, length: 5 }]);
  jobs.transferred(id);
}

describe.each([
  ['a running node', true],
  ['no running node', false],
])('nearbits transfer with %s', (_, isDaemon) => {
  let daemon: AsyncDisposable | undefined;

  beforeEach(async () => {
    daemon = isDaemon ? await machine.startDaemon() : undefined;
  });

  afterEach(async () => {
    await daemon?.[Symbol.asyncDispose]();
  });

  it('makes the job, follows it and completes it', async () => {
    whenQueued(fetchFirst);
    const { exit, out, err } = await machine.run('transfer', 'updates', URL_TEXT, 'a', '--priority', 'high');
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    const [job] = [...jobs.jobs.values()];
    expect(job?.view).toMatchObject({
      state: 'ACKNOWLEDGED',
      properties: { displayName: 'updates', priority: 'HIGH', dynamicContent: false, autoComplete: false },
    });
    const file = join(machine.dir, 'a');
    expect(await readFile(file, 'utf8')).toBe('hello');
    expect(out).toBe(
      `Completed job ${job?.view.id}: 1 file.\n${file}: 5 bytes\n100 % from neighbours (5 bytes)\nwhy: nearbits explain ${job?.view.id}\n`,
    );
    expect(machine.started.map(({ listenApi }) => listenApi)).toEqual(isDaemon ? [] : [false]);
  });

  it('keeps going over errors that pass, and says so', async () => {
    let tries = 0;
    whenQueued((id) => {
      if (tries++ > 0) return fetchFirst(id);
      jobs.stumble(id, 60_000);
      return undefined;
    });
    machine.onPrint = (text) => {
      // What a person does who does not want to wait.
      if (text.includes('tried again')) void jobs.resume(ME, [...jobs.jobs.keys()][0] as JobId);
    };
    const { exit, err } = await machine.run('transfer', 'updates', URL_TEXT, 'a');
    expect(exit).toBe(0);
    expect(err).toMatch(/^the origin is down \(BG_E_CONNECT_FAILURE\); tried again in [\d.]+ s\n$/);
  });

  it('cancels the job on an error that does not pass and ends with its code', async () => {
    whenQueued((id) => jobs.fail(id, 'BG_E_HTTP_ERROR_404'));
    const { exit, value } = await machine.json('transfer', 'updates', URL_TEXT, 'a');
    expect(exit).toBe(6);
    expect(value.error).toMatchObject({
      code: 'BG_E_HTTP_ERROR_404',
      hint: 'look at the URL',
      details: { status: 404 },
    });
    expect([...jobs.jobs.values()].map(({ view }) => view.state)).toEqual(['CANCELLED']);
  });

  it('cancels the job on Ctrl+C', async () => {
    whenQueued(() => machine.pressCtrlC());
    const { exit, err } = await machine.run('transfer', 'updates', URL_TEXT, 'a');
    expect(exit).toBe(130);
    expect(err).toContain('the job was cancelled (E_CANCELLED)');
    expect([...jobs.jobs.values()].map(({ view }) => view.state)).toEqual(['CANCELLED']);
  });

  it('ends at once on the second Ctrl+C', async () => {
    whenQueued(() => {
      machine.pressCtrlC();
      machine.pressCtrlC();
    });
    await machine.run('transfer', 'updates', URL_TEXT, 'a');
    expect(machine.endedAtOnce).toEqual([130]);
  });

  it('tells that somebody suspended or cancelled it', async () => {
    whenQueued((id) => jobs.suspend(ME, id));
    machine.onPrint = (text) => {
      if (text.includes('was suspended')) void jobs.cancel(ME, [...jobs.jobs.keys()][0] as JobId);
    };
    const { exit, err } = await machine.run('transfer', 'updates', URL_TEXT, 'a');
    expect(exit).toBe(130);
    expect(err).toMatch(/It goes on after: nearbits job resume [0-9a-f-]{36}\n.*somebody cancelled the job/);
  });
});

describe('nearbits transfer', () => {
  it('leaves the bytes of a job that could not be completed', async () => {
    whenQueued(async (id) => {
      await fetchFirst(id);
      const file = (await jobs.files(ME, id))[0];
      Object.assign(file ?? {}, { temporaryName: join(machine.dir, 'gone') });
    });
    const { exit, err } = await machine.run('transfer', 'updates', URL_TEXT, 'a');
    expect(exit).not.toBe(0);
    expect(err).toContain('The bytes are kept. Run "nearbits job complete');
  });

  it('draws progress for a person only', async () => {
    machine.isTerminal = true;
    whenQueued(fetchFirst);
    const { out, err } = await machine.run('transfer', 'updates', URL_TEXT, 'a');
    expect(err.startsWith('\r\u001b[Kupdates')).toBe(true);
    expect(err.endsWith('\r\u001b[K')).toBe(true);
    expect(out).not.toContain('\u001b');
  });

  it('fetches dynamic content in the foreground', async () => {
    whenQueued(fetchFirst);
    expect((await machine.json('transfer', 'x', URL_TEXT, 'a', '--dynamic')).value.job.properties).toMatchObject({
      dynamicContent: true,
      priority: 'FOREGROUND',
    });
  });

  it.each([
    [['x', URL_TEXT], 'E_INVALIDARG'],
    [['x', URL_TEXT, 'a', 'b'], 'E_INVALIDARG'],
    [['x'], 'E_INVALID_ARGUMENT'],
    [['x', URL_TEXT, 'a', '--priority', 'now'], 'E_NOTIMPL'],
  ])('refuses %j', async (args, code) => {
    expect(await machine.json('transfer', ...args)).toMatchObject({ exit: 2, value: { error: { code } } });
    expect(jobs.jobs.size).toBe(0);
  });
});
