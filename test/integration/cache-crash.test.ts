import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/core/random.ts';
import { CacheFixture, never, readRange, WIDE } from '../support/cache-fixture.ts';
import { tempDir } from '../support/temp-dir.ts';

const VICTIM = fileURLToPath(new URL('../support/cache-victim.ts', import.meta.url));
const KILLS = 12;

function startVictim(dir: string, maxBytes: number): { victim: ChildProcess; reader: Interface } {
  const victim = spawn(process.execPath, [VICTIM, dir, String(maxBytes)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { victim, reader: createInterface({ input: victim.stdout }) };
}

/** Lets the victim work in the directory, kills it at a random moment and returns the lines that it told. */
async function killAtRandom(dir: string, maxBytes: number): Promise<string[]> {
  const { victim, reader } = startVictim(dir, maxBytes);
  const lines: string[] = [];
  const ended = Promise.all([once(victim, 'close'), once(reader, 'close')]);
  const killAfter = 1 + Math.floor(systemRandom() * 15);
  for await (const line of reader) {
    lines.push(line);
    // The moment of the kill is what the test is about; nothing is waited for here.
    if (lines.length === killAfter) void wait(systemRandom() * 12).then(() => victim.kill('SIGKILL'));
  }
  await ended;
  expect(victim.signalCode).toBe('SIGKILL');
  return lines;
}

/** What the victim promised: the records that it admitted and did not begin to remove, with the digests of their bytes. */
function promisesIn(lines: readonly string[]): Map<string, string> {
  const promised = new Map<string, string>();
  for (const [verb, id, digest] of lines.map((line) => line.split(' '))) {
    if (verb === 'admitted') promised.set(id as string, digest as string);
    if (verb === 'removing') promised.delete(id as string);
  }
  return promised;
}

/** Starts again after the kill: index and disk must be the same, and no content damaged. Returns the digests of all records. */
async function recover(dir: string, maxBytes: number): Promise<Map<string, string>> {
  const fixture = new CacheFixture(dir);
  fixture.limits = { ...WIDE, maxBytes };
  const cache = await fixture.open();
  const digests = new Map<string, string>();
  try {
    expect((await cache.verify(never)).damaged).toEqual([]);
    expect(fixture.eventsOf('cache.damaged')).toEqual([]);
    for (const record of await cache.list()) {
      await using reader = await cache.open(record.id);
      const digest = createHash('sha256');
      for (const range of record.ranges.ranges) digest.update(await readRange(reader, range));
      digests.set(record.id, digest.digest('hex'));
    }
    expect((await fixture.contentFiles()).sort()).toEqual([...digests.keys()].sort());
    expect(await fixture.incomingFiles()).toEqual([]);
  } finally {
    await fixture.close();
  }
  return digests;
}

describe('kill -9 of a process that fills the cache', () => {
  it(`at ${KILLS} random moments: every record it promised is there, byte for byte`, async () => {
    await using temp = await tempDir();
    const promised = new Map<string, string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const lines = await killAtRandom(temp.path, 1_000_000_000);
      for (const [id, digest] of promisesIn(lines)) promised.set(id, digest);
      const found = await recover(temp.path, 1_000_000_000);
      for (const [id, digest] of promised) expect(found.get(id), `record ${id} after kill ${kill}`).toBe(digest);
    }
    expect(promised.size).toBeGreaterThan(KILLS);
  });

  it('while it evicts: index and disk stay the same', async () => {
    await using temp = await tempDir();
    for (let kill = 0; kill < KILLS; kill++) {
      await killAtRandom(temp.path, 600_000);
      await recover(temp.path, 600_000);
    }
  });
});

describe('a directory that another process uses', () => {
  it('is refused by name, and free once that process died', async () => {
    await using temp = await tempDir();
    const { victim, reader } = startVictim(temp.path, 1_000_000);
    try {
      expect(await once(reader, 'line')).toEqual(['ready']);
      await expect(new CacheFixture(temp.path).open()).rejects.toMatchObject({
        code: 'E_ALREADY_RUNNING',
        message: expect.stringContaining(temp.path),
      });
    } finally {
      victim.kill('SIGKILL');
      await once(victim, 'close');
    }
    await recover(temp.path, 1_000_000);
  });
});
