import { chmod, mkdir, realpath, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkFolder,
  checkLocalName,
  checkRange,
  checkRanges,
  checkRemoteName,
  replacePrefix,
} from '../../../../src/job/check/file.ts';
import { codeOf, errorOf } from '../../../support/error-code.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const anybody = { folders: null };

describe('checkRemoteName', () => {
  it('returns the normal form of http and https URLs', () => {
    expect(checkRemoteName('HTTPS://Origin.test:443/a b#part')).toBe('https://origin.test/a%20b');
    const longest = `http://origin.test/${'a'.repeat(2200 - 'http://origin.test/'.length)}`;
    expect(checkRemoteName(longest)).toBe(longest);
    expect(codeOf(() => checkRemoteName(`${longest}a`))).toBe('E_INVALIDARG');
  });

  it.each(['', 'file.iso', '/file', 'ftp://origin.test/a', 'file:///etc/passwd', 'http://', 'http://u:p@origin.test/'])(
    'refuses "%s" and says why',
    (url) => {
      const error = errorOf(() => checkRemoteName(url));
      expect(error?.code).toBe('E_INVALIDARG');
      expect(error?.details.argument).toBe('remoteUrl');
      expect(error?.message).toMatch(/URL/);
    },
  );
});

describe.skipIf(process.platform === 'win32')('checkLocalName', () => {
  it.each(['/a', '/srv/files/große Datei.iso', '/srv//double', '/a/./b', '/a/..b', '/a/b..', '/a/...'])(
    'takes %s',
    (path) => {
      expect(codeOf(() => checkLocalName(path))).toBeNull();
    },
  );

  it.each([
    '',
    'a',
    './a',
    'C:\\a',
    '~/a',
    '/',
    '/a/',
    '/a/.',
    '/a/..',
    '/../a',
    '/a/../b',
    '/a\0b',
    '/a\nb',
    '/a\u0085b',
    '/a\ud800b',
  ])('refuses %j', (path) => {
    expect(codeOf(() => checkLocalName(path))).toBe('E_INVALIDARG');
  });

  it('knows the limits of the file system, in bytes', () => {
    const folder = (bytes: number) => `/${'a'.repeat(bytes)}/b`;
    expect(codeOf(() => checkLocalName(folder(255)))).toBeNull();
    expect(codeOf(() => checkLocalName(folder(256)))).toBe('E_INVALIDARG');
    expect(codeOf(() => checkLocalName(`/${'ä'.repeat(128)}/b`))).toBe('E_INVALIDARG');
    const path = (bytes: number) => '/a'.repeat(bytes / 2);
    expect(codeOf(() => checkLocalName(path(4084)))).toBeNull();
    expect(codeOf(() => checkLocalName(path(4086)))).toBe('E_INVALIDARG');
  });

  it('leaves room for the name of the journal beside the file', () => {
    const name = (bytes: number) => `/${'a'.repeat(bytes)}`;
    expect(codeOf(() => checkLocalName(name(244)))).toBeNull();
    expect(errorOf(() => checkLocalName(name(245)))).toMatchObject({
      code: 'E_INVALIDARG',
      hint: expect.stringContaining('.nbpart.log'),
    });
  });
});

describe('checkFolder', () => {
  it('takes any folder that the node may write to when the caller has no fence', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'file');
    expect(await checkFolder(anybody, path)).toBe(path);
  });

  it('says that a folder is missing', async () => {
    await using dir = await tempDir();
    await expect(checkFolder(anybody, join(dir.path, 'none', 'file'))).rejects.toMatchObject({
      code: 'BG_E_FILE_NOT_FOUND',
      hint: expect.stringContaining('none'),
    });
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'refuses a folder that cannot be written',
    async () => {
      await using dir = await tempDir();
      await chmod(dir.path, 0o500);
      await expect(checkFolder(anybody, join(dir.path, 'file'))).rejects.toMatchObject({ code: 'E_ACCESSDENIED' });
      await chmod(dir.path, 0o700);
    },
  );

  it('keeps a caller in the folders it may write to', async () => {
    await using dir = await tempDir();
    const root = await realpath(dir.path);
    await mkdir(join(root, 'mine/deep'), { recursive: true });
    await mkdir(join(root, 'mine-too'));
    const caller = { folders: [join(root, 'mine')] };
    for (const inside of ['mine/file', 'mine/deep/file']) {
      expect(await checkFolder(caller, join(root, inside))).toBe(join(root, inside));
    }
    for (const outside of ['file', 'mine-too/file', 'mine']) {
      await expect(checkFolder(caller, join(root, outside)), outside).rejects.toMatchObject({ code: 'E_ACCESSDENIED' });
    }
    await expect(checkFolder({ folders: [] }, join(root, 'mine/file'))).rejects.toMatchObject({
      code: 'E_ACCESSDENIED',
    });
  });

  it('looks through links, out of the fence and into it', async () => {
    await using dir = await tempDir();
    const root = await realpath(dir.path);
    await mkdir(join(root, 'mine'));
    await mkdir(join(root, 'other'));
    await symlink(join(root, 'other'), join(root, 'mine/way-out'));
    await symlink(join(root, 'mine'), join(root, 'way-in'));
    const caller = { folders: [join(root, 'mine')] };
    await expect(checkFolder(caller, join(root, 'mine/way-out/file'))).rejects.toMatchObject({
      code: 'E_ACCESSDENIED',
    });
    expect(await checkFolder(caller, join(root, 'way-in/file'))).toBe(join(root, 'mine/file'));
  });

  it('does not tell a caller what exists outside of the fence', async () => {
    await using dir = await tempDir();
    const root = await realpath(dir.path);
    await mkdir(join(root, 'mine'));
    await mkdir(join(root, 'other'));
    const caller = { folders: [join(root, 'mine')] };
    const told = (path: string) => checkFolder(caller, join(root, path, 'f')).catch((error) => error.message);
    const same = (text: string) => text.replace(/other|none/, 'X');
    expect(same(await told('other'))).toBe(same(await told('none')));
  });
});

describe('checkRanges', () => {
  const check = (ranges: Parameters<typeof checkRanges>[0], limit = 500) => checkRanges(ranges, limit);

  it('keeps the order, which is the order of writing, also when EOF is not last', () => {
    const ranges = [
      { offset: 24, length: 17 },
      { offset: 111, length: 'EOF' as const },
      { offset: 83, length: 7 },
    ];
    expect(check(ranges)).toEqual([
      { start: 24, end: 41 },
      { start: 111, end: null },
      { start: 83, end: 90 },
    ]);
  });

  it('takes ranges that touch', () => {
    expect(
      codeOf(() =>
        check([
          { offset: 10, length: 'EOF' },
          { offset: 0, length: 10 },
        ]),
      ),
    ).toBeNull();
  });

  it('refuses an empty list and empty ranges', () => {
    expect(codeOf(() => check([]))).toBe('E_INVALIDARG');
    expect(codeOf(() => check([{ offset: 0, length: 0 }]))).toBe('E_INVALIDARG');
    expect(
      codeOf(() =>
        check([
          { offset: 5, length: 0 },
          { offset: 5, length: 3 },
        ]),
      ),
    ).toBe('E_INVALIDARG');
    expect(codeOf(() => check([{ offset: 0, length: -1 }]))).toBe('E_INVALIDARG');
  });

  it('refuses overlaps and doubles wherever they stand', () => {
    const overlapping = 'BG_E_OVERLAPPING_RANGES';
    expect(
      codeOf(() =>
        check([
          { offset: 0, length: 2 },
          { offset: 1, length: 1 },
        ]),
      ),
    ).toBe(overlapping);
    expect(
      codeOf(() =>
        check([
          { offset: 9, length: 1 },
          { offset: 9, length: 1 },
        ]),
      ),
    ).toBe(overlapping);
    expect(
      codeOf(() =>
        check([
          { offset: 9, length: 1 },
          { offset: 5, length: 'EOF' },
        ]),
      ),
    ).toBe(overlapping);
    expect(
      codeOf(() =>
        check([
          { offset: 9, length: 'EOF' },
          { offset: 5, length: 'EOF' },
        ]),
      ),
    ).toBe(overlapping);
    const apart = [
      { offset: 50, length: 10 },
      { offset: 0, length: 10 },
      { offset: 55, length: 1 },
    ];
    expect(codeOf(() => check(apart))).toBe(overlapping);
  });

  it('refuses what lies beyond all files', () => {
    expect(codeOf(() => check([{ offset: MAX - 1, length: 1 }]))).toBeNull();
    for (const range of [
      { offset: MAX, length: 1 },
      { offset: 1, length: MAX },
      { offset: 2 ** 53, length: 'EOF' as const },
    ]) {
      expect(
        codeOf(() => check([range])),
        JSON.stringify(range),
      ).toBe('BG_E_INVALID_RANGE');
    }
    expect(codeOf(() => checkRange({ offset: -1, length: 'EOF' }))).toBe('BG_E_INVALID_RANGE');
    expect(codeOf(() => checkRange({ offset: Number.NaN, length: 1 }))).toBe('BG_E_INVALID_RANGE');
  });

  it('counts before it looks at them', () => {
    const many = Array.from({ length: 501 }, (_, index) => ({ offset: index * 2, length: 1 }));
    expect(codeOf(() => check(many.slice(0, 500)))).toBeNull();
    expect(codeOf(() => check(many))).toBe('BG_E_TOO_MANY_RANGES_IN_FILE');
    expect(codeOf(() => check(many, Number.POSITIVE_INFINITY))).toBeNull();
  });

  it('refuses exactly those lists in which a byte is named twice', () => {
    const range = fc.record({
      offset: fc.nat(30),
      length: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant('EOF' as const)),
    });
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 8 }), (ranges) => {
        const bytes = ranges.flatMap(({ offset, length }) => {
          const end = length === 'EOF' ? 40 : offset + length;
          return Array.from({ length: end - offset }, (_, index) => offset + index);
        });
        const twice = new Set(bytes).size < bytes.length;
        expect(codeOf(() => check(ranges))).toBe(twice ? 'BG_E_OVERLAPPING_RANGES' : null);
      }),
    );
  });
});

describe('replacePrefix', () => {
  it('replaces a prefix that fits, with upper and lower case', () => {
    expect(replacePrefix('http://a.test/x/file', 'http://a.test/', 'https://b.test/y/')).toBe(
      'https://b.test/y/x/file',
    );
    expect(replacePrefix('http://a.test/x/file', 'http://a.test/X', 'https://b.test/')).toBeNull();
    expect(replacePrefix('http://a.test/', 'http://a.test/longer', 'https://b.test/')).toBeNull();
  });

  it('refuses a prefix that is empty or does not lead to a URL', () => {
    expect(codeOf(() => replacePrefix('http://a.test/', '', 'http://b.test/'))).toBe('E_INVALIDARG');
    expect(codeOf(() => replacePrefix('http://a.test/', 'http://', 'ftp://'))).toBe('E_INVALIDARG');
    expect(codeOf(() => replacePrefix('http://a.test/x', 'http://a.test/', ''))).toBe('E_INVALIDARG');
  });
});
