import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Descriptor } from '../../../src/content/descriptor.ts';
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

const wrongDigest = Buffer.alloc(32, 1);
const described: Descriptor = {
  ...{ size: bytes.length, pieceSize: bytes.length, pieces: [Buffer.from(sha256, 'hex')], sha256: wrongDigest },
  anchor: { kind: 'metalink', url: 'http://origin.test/file.meta4' },
};

/** What becomes of a complete file that a document describes, whose digest of the whole is wrong. */
async function accepted(change: {
  readonly isProven?: boolean;
  readonly descriptor?: Partial<Descriptor>;
  readonly etag?: string | null;
}) {
  await using dir = await tempDir();
  const part = await completePart(join(dir.path, 'file.bin'));
  const fetched = {
    ...{ part, allFromOrigin: false, givers: [], share: { allowed: true } as const, isProven: change.isProven ?? true },
    accepted: () => Promise.resolve(),
    refused: () => {},
  };
  const { etag = version.etag } = change;
  const descriptor = { ...described, ...change.descriptor };
  const wish = { url, version: { ...version, etag }, ranges, file: null, descriptor, originOnly: false };
  const task = { request: { sha256: null }, note: () => {} } as unknown as FileTask;
  const deps = { neighbours: () => ({ on: false }) } as unknown as FetchDeps;
  return await accept({ fetched, wish, isRetry: false }, task, deps, new AbortController().signal);
}

describe('a complete file whose pieces were proven as they came', () => {
  it('is not hashed once more when the document that names the pieces names the digest too', async () => {
    expect(await accepted({})).toMatchObject({ bytes: bytes.length, sha256: null });
    expect(
      await accepted({ descriptor: { sha256: null, anchor: { kind: 'job-metalink', url: null } } }),
    ).not.toBeNull();
  });

  it('is hashed when somebody else names the digest, or no version could be told without it', async () => {
    expect(await accepted({ descriptor: { anchor: { kind: 'repr-digest', url } } })).toBeNull();
    expect(await accepted({ descriptor: { anchor: { kind: 'url-digest', url } } })).toBeNull();
    expect(await accepted({ descriptor: { pieces: null } })).toBeNull();
    expect(await accepted({ etag: null })).toBeNull();
  });

  it('is hashed when some of it was not proven so', async () => {
    expect(await accepted({ isProven: false })).toBeNull();
    const right = { sha256: Buffer.from(sha256, 'hex') };
    expect(await accepted({ isProven: false, descriptor: right })).toMatchObject({ sha256 });
  });
});

describe('a complete file', () => {
  it('is closed, given up by those who gave it, and kept warm when it is stopped while it is looked at', async () => {
    await using dir = await tempDir();
    const destination = join(dir.path, 'file.bin');
    const part = await completePart(destination);
    const warm = new WarmParts();
    let refused = 0;
    const fetched = {
      ...{ part, allFromOrigin: true, givers: [], share: { allowed: true } as const, isProven: false },
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
