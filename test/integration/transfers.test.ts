import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { FileVersion } from '../../src/core/file-version.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { testNodeId } from '../support/node-ids.ts';
import { bytesContent, type Faults, LAST_MODIFIED } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { type ScriptedNeighbour, ScriptedNeighbours } from '../support/scripted-neighbours.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BENCH_CALLER, TransferBench } from '../support/transfer-bench.ts';

const MIB = 1024 * 1024;
const content = randomBytes(5 * MIB + 4321);
const sha256 = createHash('sha256').update(content).digest('hex');
const version: FileVersion = {
  size: content.length,
  lastModifiedMs: Date.parse(LAST_MODIFIED),
  etag: `"size-${content.length}"`,
};
const neighbour = (index: number, extra: Partial<ScriptedNeighbour> = {}): ScriptedNeighbour => ({
  nodeId: testNodeId(index),
  content,
  version,
  ...extra,
});

async function serving(faults: Faults = {}, headers = {}) {
  const origin = await OriginServer.start();
  return { origin, url: origin.serve('/file.bin', { content: bytesContent(content), faults, headers }) };
}

describe('a transfer', () => {
  it('fetches from the origin once and shares the result', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const view = await bench.run({ url });
    expect(view).toMatchObject({
      state: 'completed',
      sharing: 'shared',
      bytesFromOrigin: content.length,
      bytesDone: content.length,
    });
    expect(await bench.digest()).toBe(sha256);
    expect((await stat(bench.path('file.bin'))).mtimeMs).toBe(Date.parse(LAST_MODIFIED));
    const [record] = bench.cache.find({ url, version, sha256: null });
    expect(record).toMatchObject({ state: 'valid', bytes: content.length });
  });

  it("comes from this machine's own cache the second time", async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    await bench.run({ url });
    const view = await bench.run({ url, destination: bench.path('again.bin') });
    expect(view).toMatchObject({
      state: 'completed',
      bytesFromCache: content.length,
      bytesFromOrigin: 0,
      sharing: 'shared',
    });
    expect(await bench.digest('again.bin')).toBe(sha256);
    expect(await bench.cache.list()).toHaveLength(1);
  });

  it('takes every byte from a neighbour that holds the version', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, { neighbours: new ScriptedNeighbours([neighbour(1)]) });
    const view = await bench.run({ url });
    expect(view).toMatchObject({ state: 'completed', bytesFromPeers: content.length, bytesFromOrigin: 0 });
    expect(await bench.digest()).toBe(sha256);
    expect(origin.statsOf('/file.bin').bytesSent).toBe(0);
    expect(await bench.codes(view)).toEqual(
      expect.arrayContaining(['HEAD', 'SEARCH', 'PEER_ANSWER', 'FETCHED', 'SHARED']),
    );
  });

  it('joins several partial holders and the origin on one file', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    const neighbours = new ScriptedNeighbours([
      neighbour(1, { holds: RangeSet.of({ start: 0, end: 2 * MIB }) }),
      neighbour(2, { holds: RangeSet.of({ start: 3 * MIB, end: 5 * MIB }) }),
    ]);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, { neighbours });
    const view = await bench.run({ url });
    expect(view).toMatchObject({
      state: 'completed',
      bytesFromPeers: 4 * MIB,
      bytesFromOrigin: content.length - 4 * MIB,
    });
    expect(await bench.digest()).toBe(sha256);
  });

  it.each(['E_PEER_UNREACHABLE', 'E_PEER_TIMEOUT'] as const)(
    'falls back to the origin when a neighbour fails with %s',
    async (code) => {
      const { origin, url } = await serving();
      await using _ = origin;
      const neighbours = new ScriptedNeighbours([neighbour(1, { failAfter: { bytes: 2 * MIB, code } })]);
      await using dir = await tempDir();
      await using bench = await TransferBench.open(dir.path, { neighbours });
      const view = await bench.run({ url });
      expect(view.state).toBe('completed');
      expect(view.bytesFromPeers).toBeGreaterThan(0);
      expect(view.bytesFromOrigin).toBeGreaterThan(0);
      expect(await bench.digest()).toBe(sha256);
      expect(neighbours.failures).toEqual([{ nodeId: testNodeId(1), code }]);
      expect(await bench.codes(view)).toEqual(expect.arrayContaining(['FETCH_FAILED', 'SOURCE_REMOVED']));
    },
  );

  it('waits for a busy neighbour rather than asking the origin', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    const neighbours = new ScriptedNeighbours([neighbour(1, { failAfter: { bytes: 0, code: 'E_PEER_BUSY' } })]);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, {
      neighbours,
      policy: { patience: { foregroundMs: 5000, backgroundMs: 5000 } },
    });
    const view = await bench.run({ url });
    expect(view).toMatchObject({ state: 'completed', bytesFromPeers: content.length, bytesFromOrigin: 0 });
  });

  it('never writes a bad piece as good: the rest comes from elsewhere', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    const neighbours = new ScriptedNeighbours([neighbour(1, { corrupt: true }), neighbour(2)]);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, { neighbours });
    const view = await bench.run({ url });
    expect(view.state).toBe('completed');
    expect(await bench.digest()).toBe(sha256);
    expect(neighbours.failures).toEqual([{ nodeId: testNodeId(1), code: 'E_PEER_BAD_DATA' }]);
  });

  it('fetches again from the origin alone when neighbours gave a file with a wrong digest', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    const forged = Buffer.from(content);
    forged.fill(0, 100, 200);
    const neighbours = new ScriptedNeighbours([neighbour(1, { forged })]);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, { neighbours });
    const view = await bench.run({ url, sha256 });
    expect(view).toMatchObject({ state: 'completed', sha256, bytesFromOrigin: content.length });
    expect(await bench.digest()).toBe(sha256);
    expect(neighbours.failures).toEqual([{ nodeId: testNodeId(1), code: 'E_PEER_BAD_DATA' }]);
    expect(await bench.codes(view)).toEqual(expect.arrayContaining(['DIGEST_MISMATCH', 'DIGEST_OK']));
  });

  it('keeps nothing when the origin itself delivers a wrong digest', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const view = await bench.run({ url, sha256: '0'.repeat(64) });
    expect(view).toMatchObject({ state: 'failed', sharing: 'not-shared', error: { code: 'E_VALIDATION_FAILED' } });
    const unsized = origin.serve('/unsized', {
      content: bytesContent(content),
      faults: { noLength: true, noRanges: true },
    });
    expect(await bench.run({ url: unsized, sha256: '0'.repeat(64) })).toMatchObject({ state: 'failed' });
    for (const name of ['file.bin', 'file.bin.nbpart', 'file.bin.nbpart.log']) {
      await expect(stat(bench.path(name))).rejects.toThrow();
    }
    expect(await bench.cache.list()).toEqual([]);
  });

  it('does not share what the caller or the origin wants private', async () => {
    const { origin, url } = await serving({}, { 'cache-control': 'private' });
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    expect(await bench.run({ url })).toMatchObject({ state: 'completed', sharing: 'not-shared' });
    const plain = origin.serve('/plain', { content: bytesContent(content) });
    expect(await bench.run({ url: plain, share: false, destination: bench.path('b') })).toMatchObject({
      sharing: 'not-shared',
    });
    expect(await bench.cache.list()).toEqual([]);
  });

  it('writes ranges back to back and shares just these', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const view = await bench.run({ url, ranges: ['2000000-2999999', '0-99'] });
    expect(view).toMatchObject({ state: 'completed', bytesDone: 1_000_100, sharing: 'shared' });
    const expected = Buffer.concat([content.subarray(2_000_000, 3_000_000), content.subarray(0, 100)]);
    expect(expected.equals(await readFile(bench.path('file.bin')))).toBe(true);
    expect((await bench.cache.list())[0]?.ranges.size).toBe(1_000_100);
  });

  it('takes ranges from a neighbour that holds the whole file', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, { neighbours: new ScriptedNeighbours([neighbour(1)]) });
    const view = await bench.run({ url, ranges: ['1500000-1500099'] });
    expect(view).toMatchObject({ state: 'completed', bytesFromOrigin: 0, bytesDone: 100 });
    expect(content.subarray(1_500_000, 1_500_100).equals(await readFile(bench.path('file.bin')))).toBe(true);
  });

  it('answers bad ranges by name', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    for (const ranges of [[`0-${content.length}`], [`${content.length}-`]]) {
      expect(await bench.run({ url, ranges })).toMatchObject({ state: 'failed', error: { code: 'E_INVALID_RANGE' } });
    }
    const overlapping = bench.run({ url, ranges: ['0-10', '5-20'] });
    await expect(overlapping).rejects.toMatchObject({ code: 'BG_E_OVERLAPPING_RANGES' });
    await expect(bench.run({ url, ranges: ['9-1'] })).rejects.toMatchObject({ code: 'E_INVALID_RANGE' });
  });

  it('finishes an empty file', async () => {
    const origin = await OriginServer.start();
    await using _ = origin;
    const url = origin.serve('/empty', { content: bytesContent(Buffer.alloc(0)) });
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    expect(await bench.run({ url })).toMatchObject({ state: 'completed', bytesDone: 0, sharing: 'not-shared' });
    expect((await stat(bench.path('file.bin'))).size).toBe(0);
  });

  it('does not overwrite a file that is in the way', async () => {
    const { origin, url } = await serving();
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    await writeFile(bench.path('file.bin'), 'precious');
    await expect(bench.run({ url })).rejects.toMatchObject({ code: 'E_DESTINATION' });
    expect(await readFile(bench.path('file.bin'), 'utf8')).toBe('precious');
    expect(await bench.run({ url, overwrite: true })).toMatchObject({ state: 'completed' });
    expect(await bench.digest()).toBe(sha256);
  });

  it('joins a transfer of the same file to the same place and refuses another one', async () => {
    const { origin, url } = await serving({ bytesPerSecond: 4_000_000 });
    await using _ = origin;
    const other = origin.serve('/other', { content: bytesContent(content) });
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const first = bench.run({ url });
    const second = bench.run({ url });
    await expect(bench.run({ url: other })).rejects.toMatchObject({ code: 'E_DESTINATION' });
    const [a, b] = await Promise.all([first, second]);
    expect(a.id).toBe(b.id);
    expect(origin.statsOf('/file.bin').bytesSent).toBe(content.length);
  });
});

describe('an origin that misbehaves', () => {
  const works: [string, Faults][] = [
    ['refuses HEAD', { headStatus: 405 }],
    ['serves no ranges', { noRanges: true }],
    ['ignores Range although it announces ranges', { ignoreRange: true }],
    ['names no length', { noLength: true }],
    ['ends the body by closing', { untilClose: true }],
    ['serves ranges without saying so', { silentRanges: true }],
  ];
  it.each(works)('is still good for the whole file when it %s', async (_name, faults) => {
    const { origin, url } = await serving(faults);
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const view = await bench.run({ url });
    expect(view.error).toBeNull();
    expect(view.state).toBe('completed');
    expect(await bench.digest()).toBe(sha256);
  });

  it('is asked again when it closes midway, and goes on where it was', async () => {
    const { origin, url } = await serving({ closeAfterBytes: 2 * MIB + 777 });
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const view = await bench.run({ url });
    expect(view.state).toBe('completed');
    expect(await bench.digest()).toBe(sha256);
    expect(origin.statsOf('/file.bin').bytesSent).toBeLessThan(content.length * 1.02);
  });

  const fails: [string, Faults, string][] = [
    ['answers 404', { status: 404 }, 'E_ORIGIN_STATUS'],
    ['answers 403', { status: 403 }, 'E_ORIGIN_STATUS'],
    ['answers 500', { status: 500 }, 'E_ORIGIN_FAILING'],
    ['announces more bytes than it has', { addToLength: 1000 }, 'E_ORIGIN_TRUNCATED'],
    ['names a wrong Content-Range', { contentRange: `bytes 5-10/${content.length}` }, 'E_ORIGIN_PROTOCOL'],
    ['stalls', { stallAfterBytes: 0 }, 'E_ORIGIN_TIMEOUT'],
    ['never answers', { hang: true }, 'E_ORIGIN_TIMEOUT'],
    ['compresses without being asked', { gzip: true }, 'E_ORIGIN_PROTOCOL'],
  ];
  it.each(fails)('is reported by name when it %s', async (_name, faults, code) => {
    const { origin, url } = await serving(faults);
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, { policy: { originRetries: 0 } });
    const view = await bench.run({ url, ...(faults.contentRange ? { ranges: ['0-2999999'] } : {}) });
    expect(view).toMatchObject({ state: 'failed', error: { code } });
    await expect(stat(bench.path('file.bin'))).rejects.toThrow();
  });

  it('may change the file midway: it is started over and comes out as the new version', async () => {
    const next = randomBytes(3 * MIB);
    const origin = await OriginServer.start();
    await using _ = origin;
    const url = origin.serve('/file.bin', {
      content: bytesContent(content),
      faults: { closeAfterBytes: 2 * MIB },
      changeAfterRanges: 1,
      next: { content: bytesContent(next), etag: '"new"' },
    });
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const view = await bench.run({ url });
    expect(view).toMatchObject({ state: 'completed', version: { etag: '"new"' } });
    expect(next.equals(await readFile(bench.path('file.bin')))).toBe(true);
    expect(await bench.codes(view)).toContain('STARTED_OVER');
  });
});

describe('what an earlier transfer left beside the destination', () => {
  it('is dropped when the file has another version now', async () => {
    const { origin, url } = await serving({ bytesPerSecond: 8_000_000 });
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    const first = bench.run({ url });
    await expect
      .poll(async () => (await bench.jobs.transfers.list(BENCH_CALLER))[0]?.bytesDone ?? 0, { timeout: 10_000 })
      .toBeGreaterThan(2 * MIB);
    await bench.jobs.transfers.cancel(BENCH_CALLER, (await bench.jobs.transfers.list(BENCH_CALLER))[0]?.id as never);
    expect((await first).state).toBe('cancelled');
    const next = randomBytes(content.length);
    origin.serve('/file.bin', { content: bytesContent(next), etag: '"next"' });
    const view = await bench.run({ url });
    expect(view).toMatchObject({ state: 'completed', bytesFromOrigin: next.length, version: { etag: '"next"' } });
    expect(next.equals(await readFile(bench.path('file.bin')))).toBe(true);
    expect(await bench.codes(view)).toContain('PART_DROPPED');
  });

  it('is never written through when it is a link, also for a file of unknown size', async () => {
    const { origin, url } = await serving({ noLength: true, noRanges: true });
    await using _ = origin;
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path);
    await writeFile(bench.path('precious'), 'precious');
    await symlink(bench.path('precious'), bench.path('file.bin.nbpart'));
    expect(await bench.run({ url })).toMatchObject({ state: 'completed' });
    expect(await bench.digest()).toBe(sha256);
    expect(await readFile(bench.path('precious'), 'utf8')).toBe('precious');
  });
});

describe('an origin that cannot be reached', () => {
  async function deadUrl(): Promise<string> {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return `http://127.0.0.1:${port}/file.bin`;
  }

  it('is replaced by a neighbour that holds a validated version, by the rule "newest"', async () => {
    const older = neighbour(1, { version: { ...version, lastModifiedMs: 1000, etag: '"old"' } });
    const neighbours = new ScriptedNeighbours([older, neighbour(2)]);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, { neighbours });
    const view = await bench.run({ url: await deadUrl() });
    expect(view).toMatchObject({ state: 'completed', bytesFromPeers: content.length, version });
    expect(await bench.digest()).toBe(sha256);
    expect(await bench.codes(view)).toContain('ORIGIN_DOWN_RULE');
  });

  it.each([
    ['never', undefined],
    ['never', sha256],
    ['digest', undefined],
  ] as const)('ends the transfer by the rule "%s" (digest %s)', async (whenOriginDown, digest) => {
    const neighbours = new ScriptedNeighbours([neighbour(1)]);
    await using dir = await tempDir();
    await using bench = await TransferBench.open(dir.path, {
      neighbours,
      policy: { whenOriginDown, originRetries: 0 },
    });
    const view = await bench.run({ url: await deadUrl(), ...(digest ? { sha256: digest } : {}) });
    expect(view).toMatchObject({ state: 'failed', error: { code: 'E_ORIGIN_UNREACHABLE' } });
  });
});

describe('after a restart', () => {
  it('a transfer goes on where it was', async () => {
    const { origin, url } = await serving({ bytesPerSecond: 3_000_000 });
    await using _ = origin;
    await using dir = await tempDir();
    const first = await TransferBench.open(dir.path);
    const running = first.run({ url });
    await expect
      .poll(async () => (await first.jobs.transfers.list(BENCH_CALLER))[0]?.bytesDone ?? 0, { timeout: 10_000 })
      .toBeGreaterThan(MIB);
    await first[Symbol.asyncDispose]();
    expect((await running).state).toBe('running');
    await using second = await TransferBench.open(dir.path, { resume: true });
    const [view] = await second.jobs.transfers.list(BENCH_CALLER);
    const done = await second.jobs.transfers.settled(BENCH_CALLER, view?.id as never);
    expect(done).toMatchObject({ state: 'completed', id: view?.id });
    expect(await second.digest()).toBe(sha256);
    expect(origin.statsOf('/file.bin').bytesSent).toBeLessThan(content.length + 2 * MIB);
    expect(await second.codes(done)).toEqual(expect.arrayContaining(['RESTARTED', 'RESUMED']));
  });
});
