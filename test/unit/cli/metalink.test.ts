import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { METALINK_NAMESPACE } from '../../../src/content/metalink.ts';
import type { JobId } from '../../../src/core/ids.ts';
import { localOwner } from '../../../src/platform/local-owner.ts';
import { CliMachine } from '../../support/cli-machine.ts';

const HASH = `<hash type="sha-256">${'ab'.repeat(32)}</hash>`;
const file = (name: string, ...urls: string[]) =>
  `<file name="${name}">${HASH}${urls.map((url) => `<url>${url}</url>`).join('')}</file>`;
const document = (...files: string[]) => `<metalink xmlns="${METALINK_NAMESPACE}">${files.join('')}</metalink>`;
const TEXT = document(file('dir/../big new.iso', 'ftp://h/a', 'http://h/x?id=5', 'https://h/b'));

let machine: CliMachine;

beforeEach(async () => {
  machine = await CliMachine.create();
  machine.backend.subscribe((event) => {
    if (event.type === 'transfer.started') setImmediate(() => machine.backend.transfers.complete(event.transferId));
  });
  await writeFile(join(machine.dir, 'a.meta4'), TEXT);
});

afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

/** What `nearbits get` asked the node for. */
async function asked(...args: string[]) {
  const { exit, err } = await machine.run('get', ...args);
  expect([exit, err]).toEqual([0, '']);
  return machine.backend.transfers.requests[0];
}

describe('nearbits get --metalink', () => {
  it('gives the node the text of a file, or of standard input', async () => {
    expect(await asked('http://h/a', '--metalink', 'a.meta4')).toMatchObject({
      url: 'http://h/a',
      destination: join(machine.dir, 'a'),
      metalink: { document: TEXT },
    });
  });

  it('reads standard input', async () => {
    machine.input = TEXT;
    expect(await asked('http://h/a', '--metalink', '-')).toMatchObject({ metalink: { document: TEXT } });
  });

  it('leaves it to the node to fetch a URL', async () => {
    expect(await asked('http://h/a', '--metalink', 'HTTPS://h/a.meta4')).toMatchObject({
      metalink: { url: 'https://h/a.meta4' },
    });
  });

  it('is told of a file that cannot be read, or is too large', async () => {
    const { value } = await machine.json('get', 'http://h/a', '--metalink', 'missing.meta4');
    expect(value.error).toMatchObject({ code: 'E_INVALIDARG', message: 'missing.meta4 cannot be read (ENOENT)' });
    await writeFile(join(machine.dir, 'large.meta4'), Buffer.alloc(4 * 2 ** 20 + 1, ' '));
    const large = await machine.json('get', 'large.meta4');
    expect(large.value.error).toMatchObject({
      code: 'E_INVALIDARG',
      message: 'large.meta4 has more than 4194304 bytes',
    });
  });
});

describe('nearbits get DOCUMENT', () => {
  it('takes the URL and a safe name from it', async () => {
    expect(await asked('a.meta4')).toMatchObject({
      url: 'http://h/x?id=5',
      destination: join(machine.dir, 'big new.iso'),
      metalink: { document: TEXT },
    });
  });

  it('writes where it is told', async () => {
    await writeFile(join(machine.dir, 'nameless.METALINK'), document(file('..', 'http://h/')));
    expect(await asked('nameless.METALINK', '-o', 'there')).toMatchObject({ destination: join(machine.dir, 'there') });
    const { value } = await machine.json('get', 'nameless.METALINK');
    expect(value.error).toMatchObject({ code: 'E_DESTINATION', hint: expect.stringContaining('-o') });
  });

  it.each([
    ['no file', document(), 'describes no file', 'nearbits get URL --metalink'],
    ['several files', document(file('a'), file('b')), 'describes 2 files: "a", "b"', 'nearbits get URL --metalink'],
    [
      'no URL of the web',
      document(file('a', 'ftp://h/a')),
      'names no http or https URL',
      'nearbits get URL --metalink',
    ],
    ['something else', 'sha256', 'the XML document cannot be read', null],
  ])('is an error with %s', async (_, text, message, hint) => {
    await writeFile(join(machine.dir, 'b.meta4'), text);
    const { exit, value } = await machine.json('get', 'b.meta4');
    expect(exit).toBe(2);
    expect(value.error).toMatchObject({ code: 'E_INVALID_ARGUMENT', message: expect.stringContaining(message) });
    if (hint !== null) expect(value.error.hint).toContain(hint);
    expect(machine.backend.transfers.requests).toEqual([]);
  });

  it('takes one document only', async () => {
    const { exit, value } = await machine.json('get', 'a.meta4', '--metalink', 'a.meta4');
    expect({ exit, code: value.error.code }).toEqual({ exit: 2, code: 'E_INVALIDARG' });
  });

  it('fetches a document itself where its URL is named', async () => {
    const request = await asked('http://h/a.meta4');
    expect(request).toMatchObject({ url: 'http://h/a.meta4', destination: join(machine.dir, 'a.meta4') });
    expect(request?.metalink).toBeUndefined();
  });
});

describe('nearbits job add --metalink', () => {
  it('adds the document with the file', async () => {
    await using _ = await machine.startDaemon();
    const { value } = await machine.json('job', 'create', 'updates');
    await machine.run('job', 'add', 'updates', 'http://h/a', 'a', '--metalink', 'a.meta4');
    await machine.run('job', 'add', 'updates', 'http://h/b', 'b', '--metalink', 'http://h/b.meta4');
    const files = await machine.backend.jobs.files(localOwner(), value.id as JobId);
    expect(files.map(({ metalink }) => metalink)).toEqual([{ url: null }, { url: 'http://h/b.meta4' }]);
  });
});
