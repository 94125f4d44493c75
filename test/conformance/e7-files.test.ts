import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallDisk, whyNoSmallDisk } from '../support/small-disk.ts';
import { adding } from './support/adding.ts';
import { covers } from './support/covers.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('names', () => {
  const url = (length: number) => {
    const start = bench.origin.url('/');
    return start + 'u'.repeat(length - start.length);
  };

  it.each(
    [
      ['', 'E.7/add/bad-name'],
      ['/', 'E.7/add/bad-name'],
      ['/tmp/', 'E.7/add/bad-name'],
      ['/tmp/line\nbreak', 'E.7/add/bad-name'],
      ['/tmp/nul\0', 'E.7/add/bad-name'],
      ['/tmp/../etc/passwd', 'E.7/add/bad-name'],
      ['relative.bin', 'E.7/add/relative'],
      ['./relative.bin', 'E.7/add/relative'],
    ].map(([localName, row]) => [covers(row as string, JSON.stringify(localName)), localName] as const),
  )('%s', async (_, localName) => {
    expect(await adding(bench, { localName: localName as string })).toBe('E_INVALIDARG');
  });

  it.each(['ftp://example.test/file', 'file:///etc/passwd', 'gopher://example.test/', 'no url', '/path', 'http://'])(
    `%s ${covers('E.7/add/protocol', 'is no remote name')}`,
    async (remoteUrl) => {
      expect(await adding(bench, { remoteUrl })).toBe('E_INVALIDARG');
    },
  );

  it(covers(['E.7/add/url-max', 'E.7/add/url-too-long']), async () => {
    expect(await adding(bench, { remoteUrl: url(2200) })).toBe('S_OK');
    expect(await adding(bench, { remoteUrl: url(2201) })).toBe('E_INVALIDARG');
  });

  it.runIf(process.platform === 'linux')(covers(['E.7/add/path-max', 'E.7/add/path-too-long']), async () => {
    // Beside the file lies its journal, whose name is longer, and the system adds a NUL.
    const longest = 4096 - '.nbpart.log'.length - 1;
    const folder = await deepFolder(longest - 150);
    expect(await adding(bench, { localName: join(folder, 'f'.repeat(longest - folder.length - 1)) })).toBe('S_OK');
    expect(await adding(bench, { localName: join(folder, 'f'.repeat(4096 - folder.length)) })).toBe('E_INVALIDARG');
  });

  it(covers('E.7/add/segment'), async () => {
    expect(await adding(bench, { localName: join(bench.folder(), 's'.repeat(256)) })).toBe('E_INVALIDARG');
    expect(await adding(bench, { localName: join(bench.folder(), 's'.repeat(256), 'file') })).toBe('E_INVALIDARG');
  });

  it(covers('E.7/add/not-writable'), async () => {
    const { id } = await bench.alice.create();
    for (const user of ['bob', 'admin'] as const) {
      expect(await codeOf(bench.alice.addFiles(id, bench.file({ user }).add))).toBe('E_ACCESSDENIED');
    }
    const up = { ...bench.file({ user: 'alice' }).add, localName: `${bench.folder('alice')}-other/file` };
    expect(await codeOf(bench.alice.addFiles(id, up))).toBe('E_ACCESSDENIED');
  });

  it.skipIf(whyNoSmallDisk() !== null)(
    covers('E.7/add/not-writable', 'a read-only file system is E_ACCESSDENIED'),
    async () => {
      await using disk = SmallDisk.mount(65_536, 'ro');
      expect(await adding(bench, { localName: join(disk.path, 'file') })).toBe('E_ACCESSDENIED');
    },
  );

  it(covers('H/BG_E_FILE_NOT_FOUND'), async () => {
    expect(await adding(bench, { localName: join(bench.folder(), 'missing', 'file') })).toBe('BG_E_FILE_NOT_FOUND');
  });

  it(covers('E.7/add/set'), async () => {
    const { id } = await bench.admin.create();
    const good = [bench.file().add, bench.file().add];
    const bad = { ...bench.file().add, remoteUrl: 'ftp://example.test/' };
    expect(await codeOf(bench.admin.addFiles(id, ...good, bad))).toBe('E_INVALIDARG');
    expect((await bench.admin.get(id)).files.total).toBe(0);
    await bench.admin.addFiles(id, ...good);
    expect((await bench.admin.files(id)).map(({ remoteUrl }) => remoteUrl)).toEqual(
      good.map(({ remoteUrl }) => remoteUrl),
    );
  });
});

/** A folder whose path has exactly so many bytes. */
async function deepFolder(length: number): Promise<string> {
  let folder = bench.folder();
  while (folder.length < length)
    folder = join(folder, 'd'.repeat(Math.min(200, Math.max(1, length - folder.length - 1))));
  await mkdir(folder, { recursive: true });
  return folder;
}
