import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const BIN = join(import.meta.dirname, '../../../bin/nearbits.js');
let dir: string;

/** A package with its own idea of which Node it needs, and main files that say which one ran. */
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nearbits-bin-'));
  await mkdir(join(dir, 'bin'));
  await copyFile(BIN, join(dir, 'bin/nearbits.js'));
  await needNode('>=22.22');
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function needNode(range: string): Promise<void> {
  await writeFile(join(dir, 'package.json'), JSON.stringify({ type: 'module', engines: { node: range } }));
}

async function place(path: string, body: string): Promise<void> {
  await mkdir(join(dir, path, '..'), { recursive: true });
  await writeFile(join(dir, path), body);
}

async function run(...args: string[]): Promise<{ out: string; exit: number | null }> {
  const child = spawn(process.execPath, [join(dir, 'bin/nearbits.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (data: Buffer) => (out += data));
  child.stderr.on('data', (data: Buffer) => (out += data));
  const exit = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { out, exit };
}

const says = (word: string): string =>
  `export async function main() { console.log('${word}', ...process.argv.slice(2)); }`;

describe('bin/nearbits.js', () => {
  it('runs the compiled program of a package', async () => {
    await place('dist/main.js', says('compiled'));
    expect(await run('a', 'b')).toEqual({ out: 'compiled a b\n', exit: 0 });
  });

  it('runs the sources when they are newer than the compiled program', async () => {
    await place('dist/main.js', says('compiled'));
    await place('src/main.ts', says('source'));
    await utimes(join(dir, 'dist/main.js'), 1, 1);
    expect((await run()).out).toBe('source\n');
    await utimes(join(dir, 'src/main.ts'), 1, 1);
    expect((await run()).out).toBe('compiled\n');
  });

  it('runs the sources when nothing is compiled', async () => {
    await place('src/main.ts', says('source'));
    expect((await run()).out).toBe('source\n');
  });

  it('says what to do when Node is too old', async () => {
    await needNode('>=999.1');
    await place('dist/main.js', says('compiled'));
    const { out, exit } = await run();
    expect(exit).toBe(1);
    expect(out).toContain('is too old; >=999.1 is needed\n  next: Install');
  });

  it.skipIf(process.platform === 'win32')('uses the runtime beside it when Node is too old', async () => {
    await needNode('>=999.1');
    await place('dist/main.js', says('compiled'));
    // A runtime that is this one again would ask for a newer one for ever; it stands in by saying how it was called.
    await mkdir(join(dir, 'node_modules/node/bin'), { recursive: true });
    await symlink('/bin/echo', join(dir, 'node_modules/node/bin/node'));
    expect(await run('up', '--json')).toEqual({ out: `${join(dir, 'bin/nearbits.js')} up --json\n`, exit: 0 });
  });
});
