import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { accept } from '../../../src/fetch/accept.ts';
import type { FetchDeps } from '../../../src/fetch/deps.ts';
import type { FileTask } from '../../../src/fetch/file-task.ts';
import { Intake } from '../../../src/transfer/intake.ts';
import { PartFile } from '../../../src/transfer/part-file.ts';
import { WarmParts } from '../../../src/transfer/warm-parts.ts';
import { tempDir } from '../../support/temp-dir.ts';

const bytes = randomBytes(100_000);
const url = 'http://origin.test/file.bin';
const version = { size: bytes.length, lastModifiedMs: null, etag: '"1"' };
const ranges = [{ start: 0, end: bytes.length }];
const sha256 = createHash('sha256').update(bytes).digest('hex');

async function completePart(destination: string): Promise<PartFile> {
  const part = await PartFile.open({ destination, url, version, ranges });
  const intake = new Intake(
    { part, onProven: () => {} },
    part.grid.map((span) => ({ ...span, expected: null })),
    null,
  );
  await intake.sink(bytes);
  await intake.settle();
  return part;
}

describe('a complete file', () => {
  it('is closed, given up by those who gave it, and kept warm when it is stopped while it is looked at', async () => {
    await using dir = await tempDir();
    const destination = join(dir.path, 'file.bin');
    const part = await completePart(destination);
    const warm = new WarmParts();
    let refused = 0;
    const fetched = {
      ...{ part, allFromOrigin: true, givers: [], share: { allowed: true } as const },
      accepted: () => Promise.reject(new Error('nobody has looked at it')),
      refused: () => void refused++,
    };
    const wish = { url, version, ranges, file: null, descriptor: null, originOnly: false };
    // What is not used here is left out.
    const task = { request: { sha256 }, note: () => {} } as unknown as FileTask;
    const deps = { warm } as unknown as FetchDeps;
    const stopped = AbortSignal.abort(new Error('paused'));
    await expect(accept({ fetched, wish, isRetry: false }, task, deps, stopped)).rejects.toThrow('paused');
    expect(refused).toBe(1);
    // A closed file cannot be read any more.
    await expect(part.digest(new AbortController().signal)).rejects.toThrow();
    const again = await PartFile.open({ destination, url, version, ranges }, { warm: warm.take(destination) });
    expect(again.isComplete).toBe(true);
    await again.close();
  });
});
