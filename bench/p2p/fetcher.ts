/** The fetching end: hashes every piece and writes it to a file, as a transfer does. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedChunks } from '../../src/core/chunk-pool.ts';
import { systemClock } from '../../src/core/clock.ts';
import { joinDomain } from '../../src/domain/domain.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { ContentClient, type ContentHolder } from '../../src/peer/content-client.ts';
import { testNodeId } from '../../test/support/node-ids.ts';
import { serveCalls } from './end.ts';

const CHUNK = 1024 * 1024;
/** As in a transfer: so much is asked at once, and so much may wait for the disk. */
const REQUEST_BYTES = 64 * CHUNK;
const MAX_PENDING = 8;

let client: ContentClient;
let holder: ContentHolder;
let pieces: readonly string[];

serveCalls({
  async start(options: { dir: string; token: string; pieces: readonly string[] } & ContentHolder) {
    const membership = await joinDomain(
      join(options.dir, 'fetcher'),
      options.token,
      { nodeId: testNodeId(1) },
      systemClock,
    );
    client = new ContentClient({ membership: () => membership, clock: systemClock, log: silentLogger }, {});
    holder = options;
    pieces = options.pieces;
  },
  /** Returns how many seconds the whole file took. */
  async fetch({ path }: { path: string }) {
    const startMs = performance.now();
    const file = await open(path, 'w');
    await fetchAll(file, holder.record.version.size);
    await file.close();
    return (performance.now() - startMs) / 1000;
  },
});

async function fetchAll(file: FileHandle, size: number): Promise<void> {
  const source = client.source(holder);
  const writes = new Set<Promise<void>>();
  for (let start = 0; start < size; start += REQUEST_BYTES) {
    let offset = start;
    let hash = createHash('sha256');
    const sink = (chunk: Uint8Array): undefined | Promise<void> => {
      hash.update(chunk);
      const write = file.write(chunk, 0, chunk.byteLength, offset).then(() => sharedChunks.giveBack(chunk));
      offset += chunk.byteLength;
      // Chunks end where pieces end, but a piece may come in several.
      if (offset % CHUNK === 0) {
        if (hash.digest('hex') !== pieces[offset / CHUNK - 1]) throw new Error('a piece is not what was promised');
        hash = createHash('sha256');
      }
      writes.add(write);
      void write.finally(() => writes.delete(write));
      return writes.size < MAX_PENDING ? undefined : Promise.race(writes);
    };
    await source.fetch({ start, end: Math.min(start + REQUEST_BYTES, size) }, sink, new AbortController().signal);
  }
  await Promise.all(writes);
}
