import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NearbitsError } from '../../../src/core/errors.ts';
import type { TransferId } from '../../../src/core/ids.ts';
import { localOwner } from '../../../src/platform/local-owner.ts';
import { CliMachine } from '../../support/cli-machine.ts';

let machine: CliMachine;

beforeEach(async () => {
  machine = await CliMachine.create();
});

afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

/** Moves each transfer as soon as it is started. */
function whenStarted(move: (id: TransferId) => void): void {
  machine.backend.subscribe((event) => {
    // After the event was told to everybody, so that the mover's own events come later.
    if (event.type === 'transfer.started') setImmediate(() => move(event.transferId));
  });
}

const URL_TEXT = 'http://127.0.0.1/dir/file%20one.iso?x=1#frag';

describe.each([
  ['a running node', true],
  ['no running node', false],
])('nearbits get with %s', (_, isDaemon) => {
  let daemon: AsyncDisposable | undefined;

  beforeEach(async () => {
    daemon = isDaemon ? await machine.startDaemon() : undefined;
  });

  afterEach(async () => {
    await daemon?.[Symbol.asyncDispose]();
  });

  it('fetches to the name in the URL and tells the result', async () => {
    whenStarted((id) => {
      machine.backend.transfers.progress(id, 100);
      machine.backend.transfers.complete(id);
    });
    const { exit, out, err } = await machine.run('get', URL_TEXT);
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(out).toContain(`${join(machine.dir, 'file one.iso')}: 100 bytes`);
    expect(out).toContain('100 % from neighbours');
    expect(out).toContain(`why: nearbits explain ${(await machine.backend.transfers.list(localOwner()))[0]?.id}`);
    expect(machine.backend.transfers.requests[0]).toMatchObject({
      url: 'http://127.0.0.1/dir/file%20one.iso?x=1',
      destination: join(machine.dir, 'file one.iso'),
      priority: 'background',
      usePeers: true,
      share: true,
      overwrite: false,
    });
    expect(machine.started.map(({ listenApi }) => listenApi)).toEqual(isDaemon ? [] : [false]);
  });

  it('passes on what was asked for', async () => {
    whenStarted((id) => machine.backend.transfers.complete(id));
    const sha = 'AB'.repeat(32);
    const ranges = ['--range', '0-9', '--range', '20-'];
    const options = ['--sha256', sha, '--no-peers', '--no-share', '--foreground', '--overwrite', '-o', 'sub/x'];
    const { exit, value } = await machine.json('get', 'http://127.0.0.1/', ...ranges, ...options);
    expect(exit).toBe(0);
    expect(value).toMatchObject({ state: 'completed', sharing: 'shared' });
    expect(machine.backend.transfers.requests[0]).toEqual({
      url: 'http://127.0.0.1/',
      destination: join(machine.dir, 'sub/x'),
      ranges: ['0-9', '20-'],
      sha256: sha.toLowerCase(),
      usePeers: false,
      share: false,
      priority: 'foreground',
      overwrite: true,
    });
  });

  it('tells why a transfer failed, what to do, and ends with the code of the failure', async () => {
    const error = new NearbitsError('E_ORIGIN_STATUS', 'the origin answered 404', { details: { status: 404 } });
    whenStarted((id) => machine.backend.transfers.fail(id, error));
    const { exit, out, err } = await machine.run('get', URL_TEXT);
    expect({ exit, out }).toEqual({ exit: 6, out: '' });
    expect(err).toMatch(/the origin answered 404 \(E_ORIGIN_STATUS\)\n {2}next: Run "nearbits explain [0-9a-f-]{36}"/);
    const json = await machine.json('get', URL_TEXT);
    expect(json.exit).toBe(6);
    expect(json.value).toMatchObject({
      error: { code: 'E_ORIGIN_STATUS', details: { status: 404 } },
      transfer: { state: 'failed' },
    });
  });

  it('cancels the transfer on Ctrl+C', async () => {
    whenStarted(() => machine.pressCtrlC());
    const { exit, err } = await machine.run('get', URL_TEXT);
    expect(exit).toBe(130);
    expect(err).toContain('E_CANCELLED');
    expect([...machine.backend.transfers.views.values()]).toMatchObject([{ state: 'cancelled' }]);
  });

  it('draws progress for a person only', async () => {
    machine.isTerminal = true;
    whenStarted((id) => {
      machine.backend.transfers.progress(id, 42);
      machine.backend.transfers.complete(id);
    });
    const { err, out } = await machine.run('get', URL_TEXT);
    expect(err.startsWith('\r\u001b[Kfile one.iso')).toBe(true);
    expect(err.endsWith('\r\u001b[K')).toBe(true);
    expect(out).not.toContain('\u001b');
    expect((await machine.run('get', URL_TEXT, '--json')).err).toBe('');
  });
});

describe('nearbits get', () => {
  it.each([
    [['get', 'ftp://x/y'], 'E_INVALID_URL', 2],
    [['get', 'http://u:p@x/y'], 'E_INVALID_URL', 2],
    [['get', `http://x/${'y'.repeat(2200)}`], 'E_INVALID_URL', 2],
    [['get', 'http://127.0.0.1/'], 'E_DESTINATION', 8],
    [['get', 'http://127.0.0.1/f', '--sha256', 'xyz'], 'E_INVALID_ARGUMENT', 2],
    [['get', 'http://127.0.0.1/f', '--foreground', '--background'], 'E_INVALID_ARGUMENT', 2],
    [['get'], 'E_INVALID_ARGUMENT', 2],
    [['get', 'http://127.0.0.1/f', 'extra'], 'E_INVALID_ARGUMENT', 2],
    [['get', 'http://127.0.0.1/f', '--fast'], 'E_INVALID_ARGUMENT', 2],
    [[], 'E_INVALID_ARGUMENT', 2],
    [['gte'], 'E_INVALID_ARGUMENT', 2],
  ])('refuses bad input, case %#', async (args, code, exit) => {
    const { value, exit: ended } = await machine.json(...args);
    expect(value.error).toMatchObject({ code });
    expect(value.error.hint).not.toBe('');
    expect(ended).toBe(exit);
    expect(machine.backend.transfers.requests).toEqual([]);
  });

  it('says that another process is at work instead of waiting silently', async () => {
    machine.createError = new NearbitsError('E_ALREADY_RUNNING', 'locked');
    const { exit, err } = await machine.run('get', URL_TEXT);
    expect(exit).toBe(5);
    expect(err).toContain('another nearbits process uses');
    expect(err).toContain('next: Wait until it is done, or run "nearbits up"');
  });
});
