import { chmod, chown, link, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeProgram } from '../../../src/notify/allowed-program.ts';
import { tempDir } from '../../support/temp-dir.ts';

let temp: Awaited<ReturnType<typeof tempDir>>;
let program: string;
const uid = process.getuid?.() ?? 0;
const isRoot = process.getuid?.() === 0;

beforeEach(async () => {
  temp = await tempDir();
  program = join(temp.path, 'hook');
  await writeFile(program, '#!/bin/sh\n');
  await chmod(program, 0o755);
});
afterEach(() => temp[Symbol.asyncDispose]());

const judge = (path: string, allowed: readonly string[] = [program]) => judgeProgram(path, { allowed, uid });

describe.skipIf(process.platform === 'win32')('judgeProgram', () => {
  it('takes a program of the list', async () => {
    expect(await judge(program)).toEqual({ path: program, name: program });
  });

  it('refuses all programs when the list is empty', async () => {
    expect(await judge(program, [])).toEqual({ refused: 'the program is not on the list of the administrator' });
  });

  it.each(['hook', './hook', '', '../../bin/sh'])('refuses the relative path %j', async (path) => {
    expect(await judge(path, [path])).toEqual({ refused: 'the path of the program is not absolute' });
  });

  it('refuses relative paths even when they lead to the program', async () => {
    expect(await judge(relative(process.cwd(), program))).toMatchObject({ refused: expect.any(String) });
    expect(await judge(program, [relative(process.cwd(), program)])).toMatchObject({ refused: expect.any(String) });
  });

  it('refuses what only looks like a program of the list', async () => {
    await mkdir(join(temp.path, 'other'));
    const others = [join(temp.path, 'hook2'), join(temp.path, 'other', 'hook'), '/bin/sh'];
    for (const other of others.slice(0, 2)) await writeFile(other, '#!/bin/sh\n', { mode: 0o755 });
    for (const other of [...others, `${program} `, `${program}\0`, `${program}/`, join(temp.path, 'gone')]) {
      expect(await judge(other)).toMatchObject({ refused: expect.any(String) });
    }
  });

  it('runs an allowed program under the name of the list when it is named by a link', async () => {
    const alias = join(temp.path, 'alias');
    await symlink(program, alias);
    expect(await judge(alias)).toEqual({ path: program, name: program });
    expect(await judge(alias, [program, alias])).toEqual({ path: program, name: alias });
    expect(await judge(program, [alias])).toEqual({ path: program, name: alias });
  });

  it('refuses a link to something else', async () => {
    const alias = join(temp.path, 'alias');
    await symlink('/bin/sh', alias);
    expect(await judge(alias)).toMatchObject({ refused: expect.stringContaining('not on the list') });
  });

  it('refuses another name of an allowed file that is no link', async () => {
    const twin = join(temp.path, 'twin');
    await link(program, twin);
    expect(await judge(twin)).toMatchObject({ refused: expect.stringContaining('not on the list') });
  });

  it.each([0o775, 0o757, 0o777])('refuses a program of mode %o that others can change', async (mode) => {
    await chmod(program, mode);
    expect(await judge(program)).toEqual({ refused: 'the program can be written to by others than its owner' });
  });

  it('refuses a folder', async () => {
    expect(await judge(temp.path, [temp.path])).toEqual({ refused: 'the program is not a regular file' });
  });

  it('refuses a program in a folder where all may exchange files, unless it is sticky', async () => {
    const open = join(temp.path, 'open');
    await mkdir(open);
    const inside = join(open, 'hook');
    await rename(program, inside);
    await chmod(open, 0o777);
    expect(await judge(inside, [inside])).toEqual({ refused: `others can exchange what lies in ${open}` });
    await chmod(open, 0o1777);
    expect(await judge(inside, [inside])).toEqual({ path: inside, name: inside });
  });

  it('refuses a link of the list that all may exchange', async () => {
    const open = join(temp.path, 'open');
    await mkdir(open);
    const alias = join(open, 'alias');
    await symlink(program, alias);
    await chmod(open, 0o777);
    expect(await judge(alias, [alias])).toEqual({ refused: `others can exchange what lies in ${open}` });
  });

  it.runIf(isRoot)("refuses a program or folder that is neither root's nor the node's", async () => {
    await chown(program, 12_345, 0);
    expect(await judge(program)).toMatchObject({ refused: expect.stringContaining('belongs neither') });
    expect(await judgeProgram(program, { allowed: [program], uid: 12_345 })).toMatchObject({ path: program });
    await chown(program, 0, 0);
    await chown(temp.path, 12_345, 0);
    expect(await judge(program)).toMatchObject({ refused: expect.stringContaining('exchange') });
  });

  it('checks path and list alone where there are no user numbers', async () => {
    await chmod(program, 0o777);
    expect(await judgeProgram(program, { allowed: [program], uid: null })).toMatchObject({ path: program });
    expect(await judgeProgram('/bin/sh', { allowed: [program], uid: null })).toMatchObject({
      refused: expect.any(String),
    });
  });
});
