import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDestination, checkRoom } from '../../../src/fetch/destination.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('a destination', () => {
  it('may be a new file in a folder that exists', async () => {
    await using dir = await tempDir();
    await expect(checkDestination(join(dir.path, 'new'), false)).resolves.toBeUndefined();
  });

  it('is refused with a reason when something is in the way', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'file'), 'x');
    await mkdir(join(dir.path, 'folder'));
    const cases: [string, boolean, RegExp][] = [
      [join(dir.path, 'file'), false, /exists already/],
      [join(dir.path, 'folder'), true, /is a directory/],
      [join(dir.path, 'missing', 'file'), false, /folder that does not exist/],
      [join(dir.path, 'file', 'below'), false, /ENOTDIR/],
      ['relative/file', false, /not an absolute path/],
      [`${dir.path}/a\0b`, false, /not an absolute path/],
      ['/dev/null', true, /neither a file nor a link/],
    ];
    for (const [path, overwrite, reason] of cases) {
      await expect(checkDestination(path, overwrite), path).rejects.toMatchObject({
        code: 'E_DESTINATION',
        message: expect.stringMatching(reason),
      });
    }
  });

  it('may be an existing file when it may be replaced', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'file'), 'x');
    await symlink(join(dir.path, 'file'), join(dir.path, 'link'));
    await expect(checkDestination(join(dir.path, 'file'), true)).resolves.toBeUndefined();
    await expect(checkDestination(join(dir.path, 'link'), true)).resolves.toBeUndefined();
  });

  it.skipIf(process.getuid?.() === 0)('is refused in a folder that is not writable', async () => {
    await using dir = await tempDir();
    await chmod(dir.path, 0o500);
    await expect(checkDestination(join(dir.path, 'new'), false)).rejects.toMatchObject({ code: 'E_DESTINATION' });
    await chmod(dir.path, 0o700);
  });

  it('needs room for the file', async () => {
    await using dir = await tempDir();
    await expect(checkRoom(join(dir.path, 'new'), 1)).resolves.toBeUndefined();
    await expect(checkRoom(join(dir.path, 'new'), Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({
      code: 'E_DISK_FULL',
    });
  });
});
