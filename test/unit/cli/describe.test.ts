import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeFile } from '../../../src/content/describe-file.ts';
import { parseMetalink } from '../../../src/content/metalink.ts';
import { CliMachine } from '../../support/cli-machine.ts';

const MIB = 1024 * 1024;
const content = Buffer.alloc(2 * MIB + 5, 'nearbits ');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const pieces = [0, 1, 2].map((index) => sha256(content.subarray(index * MIB, (index + 1) * MIB)));

let machine: CliMachine;

beforeEach(async () => {
  machine = await CliMachine.create();
  await writeFile(join(machine.dir, 'a & b.iso'), content);
});

afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

describe('nearbits describe', () => {
  it('prints a Metalink document about a file', async () => {
    const { exit, out, err } = await machine.run('describe', 'a & b.iso', '--url', 'http://127.0.0.1/a?x=1&y=2');
    expect([exit, err]).toEqual([0, '']);
    expect(parseMetalink(Buffer.from(out))).toEqual([
      {
        name: 'a & b.iso',
        size: content.length,
        sha256: sha256(content),
        pieces: { pieceSize: MIB, hashes: pieces },
        urls: ['http://127.0.0.1/a?x=1&y=2'],
      },
    ]);
  });

  it('writes it into a file, which it replaces only when it may', async () => {
    const args = ['describe', 'a & b.iso', '-o', 'out.meta4', '--piece-size', '2MiB'];
    const { exit, out } = await machine.run(...args);
    expect(exit).toBe(0);
    expect(out).toContain('out.meta4: 2.0 MiB in 2 pieces of 2 MiB\n');
    const path = join(machine.dir, 'out.meta4');
    expect(parseMetalink(await readFile(path))[0]?.pieces?.pieceSize).toBe(2 * MIB);
    await truncate(path);
    expect((await machine.json(...args)).value.error.code).toBe('E_DESTINATION');
    expect((await stat(path)).size).toBe(0);
    expect((await machine.run(...args, '--overwrite')).exit).toBe(0);
    expect((await stat(path)).size).toBeGreaterThan(0);
  });

  it('prints the facts with --json', async () => {
    const { exit, value } = await machine.json('describe', 'a & b.iso', '--url', 'http://127.0.0.1/a');
    expect(exit).toBe(0);
    expect(value).toEqual({
      name: 'a & b.iso',
      size: content.length,
      sha256: sha256(content).toString('hex'),
      pieceSize: MIB,
      pieces: pieces.map((hash) => hash.toString('hex')),
      urls: ['http://127.0.0.1/a'],
      output: null,
    });
  });

  it('describes an empty file', async () => {
    await writeFile(join(machine.dir, 'empty'), '');
    expect((await machine.json('describe', 'empty')).value).toMatchObject({ size: 0, pieces: [] });
  });

  it('shows how far it is on a terminal, and takes the line away', async () => {
    machine.isTerminal = true;
    const { err } = await machine.run('describe', 'a & b.iso');
    expect(err).toMatch(/a & b\.iso .*of 2\.0 MiB/);
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });

  it.each([
    ['a file that is not there', ['none'], 2],
    ['a folder', ['.'], 2],
    ['a URL that is none', ['a & b.iso', '--url', 'ftp://127.0.0.1/a'], 2],
    ['a piece size that is none', ['a & b.iso', '--piece-size', 'large'], 2],
    ['a piece size that nodes cannot use', ['a & b.iso', '--piece-size', '3MiB'], 2],
    ['small pieces', ['a & b.iso', '--piece-size', '512KiB'], 2],
    ['an output in no folder', ['a & b.iso', '-o', 'none/out.meta4'], 8],
  ])('refuses %s', async (_, args, exit) => {
    expect((await machine.run('describe', ...args)).exit).toBe(exit);
  });

  it('stops when the user does', async () => {
    machine.isTerminal = true;
    machine.onPrint = () => machine.pressCtrlC();
    expect((await machine.run('describe', 'a & b.iso')).exit).toBe(130);
  });
});

describe('the description of a file', () => {
  it('is not made of a file that changes meanwhile', async () => {
    await mkdir(join(machine.dir, 'x'));
    const path = join(machine.dir, 'x', 'growing');
    await writeFile(path, content);
    const signal = new AbortController().signal;
    const onProgress = () => appendFileSync(path, 'more');
    await expect(describeFile(path, { pieceSize: null, onProgress, signal })).rejects.toMatchObject({ code: 'E_IO' });
  });
});
