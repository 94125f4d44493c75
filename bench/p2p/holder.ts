/** The serving end: a cache with one record behind a content server. */
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Cache } from '../../src/cache/cache.ts';
import { systemClock } from '../../src/core/clock.ts';
import { pieceSizeFor } from '../../src/core/pieces.ts';
import { createDomain, createInvite } from '../../src/domain/domain.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { ContentServer } from '../../src/serve/content-server.ts';
import { Database } from '../../src/store/database.ts';
import { testNodeId } from '../../test/support/node-ids.ts';
import { PseudoRandomFile } from '../../test/support/pseudo-random-file.ts';
import { serveCalls } from './end.ts';

const nodeId = testNodeId(0);
const deps = { clock: systemClock, log: silentLogger, emit: () => {} };

serveCalls({
  async start({ dir, bytes }: { dir: string; bytes: number }) {
    const membership = await createDomain(join(dir, 'holder'), 'bench', { nodeId }, systemClock);
    const { token } = await createInvite(join(dir, 'holder'), systemClock);
    const database = await Database.open(deps, { dir: join(dir, 'index') });
    const limits = { maxBytes: bytes * 2, maxAgeMs: 86_400_000, minFreeBytes: 0 };
    const cache = await Cache.open({ ...deps, database }, { dir: join(dir, 'cache'), limits });
    const record = await admit(cache, join(dir, 'source'), bytes);
    const server = await ContentServer.start(
      { ...deps, cache, membership: () => membership },
      { host: '127.0.0.1', port: 0, bytesPerSecond: 'unlimited' },
    );
    const pieces = (await cache.pieces(record.id)).map(({ hash }) => Buffer.from(hash).toString('hex'));
    return { token, nodeId, port: server.port, record: { id: record.id, version: record.version }, pieces };
  },
});

// The source stays: the baseline serves the very same bytes.
async function admit(cache: Cache, path: string, size: number) {
  const content = new PseudoRandomFile({ size, seed: 'peer-to-peer' });
  const pieceSize = pieceSizeFor(size);
  const pieces = [];
  await rm(path, { force: true });
  const file = await open(path, 'w');
  for (let start = 0; start < size; start += pieceSize) {
    const bytes = content.read(start, Math.min(start + pieceSize, size));
    await file.write(bytes, 0, bytes.length, start);
    pieces.push({ start, end: start + bytes.length, hash: createHash('sha256').update(bytes).digest() });
  }
  await file.close();
  await using reservation = await cache.reserve(size);
  const version = { size, lastModifiedMs: 0, etag: null };
  const source = { path, ranges: [{ start: 0, end: size }] };
  return await cache.admit(
    { url: 'http://bench.test/file', version, pieceSize, pieces, sha256: null, state: 'valid', source },
    reservation,
    new AbortController().signal,
  );
}
