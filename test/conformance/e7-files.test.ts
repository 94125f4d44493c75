import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallDisk, whyNoSmallDisk } from '../support/small-disk.ts';
import { covers } from './support/covers.ts';
import { SENT_BYTES, STALLED } from './support/in-state.ts';
import { codeOf, type FileInput } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

/** How a file that differs from a good one is taken. */
async function adding(change: Partial<FileInput>): Promise<string> {
  const { id } = await bench.admin.create();
  const code = await codeOf(bench.admin.addFiles(id, { ...bench.file().add, ...change } as FileInput));
  expect((await bench.admin.get(id)).files.total).toBe(code === 'S_OK' ? 1 : 0);
  return code;
}

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
    expect(await adding({ localName: localName as string })).toBe('E_INVALIDARG');
  });

  it.each(['ftp://example.test/file', 'file:///etc/passwd', 'gopher://example.test/', 'no url', '/path', 'http://'])(
    `%s ${covers('E.7/add/protocol', 'is no remote name')}`,
    async (remoteUrl) => {
      expect(await adding({ remoteUrl })).toBe('E_INVALIDARG');
    },
  );

  it(covers(['E.7/add/url-max', 'E.7/add/url-too-long']), async () => {
    expect(await adding({ remoteUrl: url(2200) })).toBe('S_OK');
    expect(await adding({ remoteUrl: url(2201) })).toBe('E_INVALIDARG');
  });

  it.runIf(process.platform === 'linux')(covers(['E.7/add/path-max', 'E.7/add/path-too-long']), async () => {
    // Beside the file lies its journal, whose name is longer, and the system adds a NUL.
    const longest = 4096 - '.nbpart.log'.length - 1;
    const folder = await deepFolder(longest - 150);
    expect(await adding({ localName: join(folder, 'f'.repeat(longest - folder.length - 1)) })).toBe('S_OK');
    expect(await adding({ localName: join(folder, 'f'.repeat(4096 - folder.length)) })).toBe('E_INVALIDARG');
  });

  it(covers('E.7/add/segment'), async () => {
    expect(await adding({ localName: join(bench.folder(), 's'.repeat(256)) })).toBe('E_INVALIDARG');
    expect(await adding({ localName: join(bench.folder(), 's'.repeat(256), 'file') })).toBe('E_INVALIDARG');
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
      expect(await adding({ localName: join(disk.path, 'file') })).toBe('E_ACCESSDENIED');
    },
  );

  it(covers('H/BG_E_FILE_NOT_FOUND'), async () => {
    expect(await adding({ localName: join(bench.folder(), 'missing', 'file') })).toBe('BG_E_FILE_NOT_FOUND');
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

describe('ranges', () => {
  it.each<readonly [string, readonly unknown[], string]>([
    [covers('E.7/ranges/none'), [], 'E_INVALIDARG'],
    [covers('E.7/ranges/empty'), [{ offset: 5, length: 0 }], 'E_INVALIDARG'],
    [covers('E.7/ranges/offset-eof'), [{ offset: 'EOF', length: 5 }], 'E_INVALIDARG'],
    [
      covers('H/BG_E_INVALID_RANGE', 'a range beyond all files'),
      [{ offset: Number.MAX_SAFE_INTEGER, length: 5 }],
      'BG_E_INVALID_RANGE',
    ],
    [
      covers(['E.7/ranges/overlap', 'H/BG_E_OVERLAPPING_RANGES']),
      [
        { offset: 50, length: 10 },
        { offset: 0, length: 51 },
      ],
      'BG_E_OVERLAPPING_RANGES',
    ],
    [
      covers('E.7/ranges/overlap'),
      [
        { offset: 0, length: 'EOF' },
        { offset: 99, length: 1 },
      ],
      'BG_E_OVERLAPPING_RANGES',
    ],
    [
      covers('E.7/ranges/duplicate'),
      [
        { offset: 5, length: 5 },
        { offset: 5, length: 5 },
      ],
      'BG_E_OVERLAPPING_RANGES',
    ],
  ])('%s (%#)', async (_, ranges, code) => {
    expect(await adding({ ranges })).toBe(code);
  });

  it(covers(['E.7/ranges/order', 'E.7/ranges/eof']), async () => {
    const file = bench.file({ bytes: 1000 });
    const ranges = [
      { offset: 24, length: 17 },
      { offset: 900, length: 'EOF' },
      { offset: 83, length: 7 },
    ];
    const { id } = await bench.admin.create({ resume: true, files: [{ ...file.add, ranges }] });
    await bench.admin.reaches(id, 'TRANSFERRED');
    await bench.admin.call(id, 'complete');
    const { content } = file;
    const parts = [content.subarray(24, 41), content.subarray(900), content.subarray(83, 90)];
    expect(await readFile(file.localName)).toEqual(Buffer.concat(parts));
  });

  it.each([
    [covers(['E.7/ranges/outside', 'H/BG_E_INVALID_RANGE']), 100_000, {}, 'BG_E_INVALID_RANGE'],
    [
      covers(['E.7/ranges/merged', 'H/BG_E_INVALID_SERVER_RESPONSE']),
      10,
      { contentRange: 'bytes 0-99/100000' },
      'BG_E_INVALID_SERVER_RESPONSE',
    ],
    [
      covers(['E.7/ranges/unsupported', 'H/BG_E_INSUFFICIENT_RANGE_SUPPORT']),
      10,
      { noRanges: true },
      'BG_E_INSUFFICIENT_RANGE_SUPPORT',
    ],
  ] as const)('%s', async (_, offset, faults, code) => {
    const { add } = bench.file({ faults });
    const files = [{ ...add, ranges: [{ offset, length: 10 }] }];
    const { id } = await bench.admin.create({ priority: 'FOREGROUND', resume: true, files });
    expect((await bench.admin.reaches(id, 'ERROR', 'TRANSFERRED')).error).toMatchObject({ code, kind: 'fatal' });
  });
});

it(covers('E.7/temporary/readable'), async () => {
  const file = bench.file(STALLED);
  const { id } = await bench.admin.create({ priority: 'FOREGROUND', resume: true, files: [file.add] });
  await bench.admin.until(id, ({ bytes }) => bytes.transferred === SENT_BYTES);
  const { temporaryName } = await bench.admin.file(id);
  await using part = await open(temporaryName as string, 'r');
  const read = Buffer.alloc(SENT_BYTES);
  expect((await part.read(read, 0, read.length, 0)).bytesRead).toBe(read.length);
  expect(read).toEqual(file.content.subarray(0, SENT_BYTES));
});

/** A folder whose path has exactly so many bytes. */
async function deepFolder(length: number): Promise<string> {
  let folder = bench.folder();
  while (folder.length < length)
    folder = join(folder, 'd'.repeat(Math.min(200, Math.max(1, length - folder.length - 1))));
  await mkdir(folder, { recursive: true });
  return folder;
}
