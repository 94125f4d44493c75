import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { METALINK_TYPE } from '../../src/content/metalink.ts';
import { CliMachine } from '../support/cli-machine.ts';
import { bytesContent } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { TransferBench } from '../support/transfer-bench.ts';

const MIB = 1024 * 1024;
const content = randomBytes(3 * MIB + 17);
const damaged = Buffer.from(content);
damaged.fill(0, 2 * MIB + 100, 2 * MIB + 200);
const sha256 = createHash('sha256').update(content).digest('hex');
const hasAria2 = spawnSync('aria2c', ['--version']).status === 0;

let machine: CliMachine;
let origin: OriginServer;

beforeEach(async () => {
  machine = await CliMachine.create();
  origin = await OriginServer.start();
  await writeFile(join(machine.dir, 'big new.iso'), content);
});

afterEach(async () => {
  await origin.stop();
  await machine[Symbol.asyncDispose]();
});

/** Serves `bytes` and writes a description of the right content, which names their URL; returns its path. */
async function described(bytes: Buffer): Promise<string> {
  const url = origin.serve('/big.iso', { content: bytesContent(bytes) });
  const { exit } = await machine.run('describe', 'big new.iso', '--url', `${url}?a=1&b=2`, '-o', 'big.meta4');
  expect(exit).toBe(0);
  return join(machine.dir, 'big.meta4');
}

/** Lets aria2 fetch what a document describes; returns its exit code and what it printed. */
async function aria2(document: string, dir: string): Promise<{ exit: number; text: string }> {
  const options = ['--no-conf', '--file-allocation=none', '--max-tries=2', '--retry-wait=0', '--no-proxy=*'];
  const { promise, resolve } = Promise.withResolvers<{ exit: number; text: string }>();
  execFile('aria2c', [...options, '-M', document, '-d', dir], { timeout: 30_000 }, (error, out, err) =>
    resolve({ exit: error === null ? 0 : Number(error.code ?? -1), text: out + err }),
  );
  return await promise;
}

describe.skipIf(!hasAria2)(
  `a description that aria2 reads${hasAria2 ? '' : ' (skipped: aria2c is not installed)'}`,
  () => {
    it('leads to the file', async () => {
      const document = await described(content);
      const dir = join(machine.dir, 'fetched');
      await mkdir(dir);
      expect(await aria2(document, dir)).toMatchObject({ exit: 0 });
      expect(await readFile(join(dir, 'big new.iso'))).toEqual(content);
    });

    it('does not let a damaged file pass, by its pieces alone or by the digest of the whole', async () => {
      const document = await described(damaged);
      const text = await readFile(document, 'utf8');
      const whole = `    <hash type="sha-256">${sha256}</hash>\n`;
      const parts = / {4}<pieces[\s\S]*<\/pieces>\n/;
      expect(text).toContain(whole);
      for (const [name, left] of [
        ['pieces', text.replace(whole, '')],
        ['whole', text.replace(parts, '')],
      ] as const) {
        const dir = join(machine.dir, name);
        await mkdir(dir);
        await writeFile(document, left);
        const { exit, text: printed } = await aria2(document, dir);
        expect(exit, printed).toBeGreaterThan(0);
        expect(printed).toMatch(/checksum/i);
      }
    });
  },
);

describe('a description that the origin names', () => {
  it('vouches for what a node fetches', async () => {
    const document = await readFile(await described(content));
    const headers = { link: `</big.iso.meta4>; rel=describedby; type="${METALINK_TYPE}"` };
    origin.serve('/big.iso.meta4', { content: bytesContent(document) });
    const url = origin.serve('/big.iso', { content: bytesContent(content), headers });
    await using bench = await TransferBench.open(machine.dir);
    const view = await bench.run({ url });
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect((await bench.trace(view)).find(({ code }) => code === 'DESCRIPTOR')?.data).toMatchObject({ pieces: 4 });
  });
});
