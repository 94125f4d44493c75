import { appendFile, chmod, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newRecordId } from '../../../src/core/ids.ts';
import { RangeSet } from '../../../src/core/range-set.ts';
import { CacheFixture, never, readRange, testFile } from '../../support/cache-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;

let temp: Awaited<ReturnType<typeof tempDir>>;
let fixture: CacheFixture;

beforeEach(async () => {
  temp = await tempDir();
  fixture = new CacheFixture(temp.path);
  await fixture.open();
});
afterEach(async () => {
  await fixture.close();
  await temp[Symbol.asyncDispose]();
});

/** Writes one byte of a file that stays the same file of the same size. */
async function writeInPlace(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+');
  await file.write(Buffer.from('!'), 0, 1, offset);
}

describe('content that is admitted', () => {
  it('is found, and read as it was, also after a restart', async () => {
    const file = testFile(2 * MIB + 5);
    const record = await fixture.admit(file, { sha256: 'ab'.repeat(32) });
    for (const opened of [() => fixture.cache, () => fixture.reopen()]) {
      const cache = await opened();
      expect(cache.find({ url: file.url, version: record.version, sha256: null })).toEqual([record]);
      await using reader = await cache.open(record.id);
      expect((await readRange(reader, { start: 0, end: file.bytes.length })).equals(file.bytes)).toBe(true);
      expect(
        (await readRange(reader, { start: MIB - 3, end: MIB + 4 })).equals(file.bytes.subarray(MIB - 3, MIB + 4)),
      ).toBe(true);
      expect(await cache.pieces(record.id)).toEqual([...reader.pieces]);
    }
    expect(fixture.eventsOf('cache.admitted')).toEqual([
      { type: 'cache.admitted', recordId: record.id, url: file.url, bytes: file.bytes.length },
    ]);
  });

  it('may be some ranges, which lie at their offsets with holes between them', async () => {
    const file = testFile(3 * MIB);
    const ranges = [
      { start: 2 * MIB + 100, end: 3 * MIB - 50 },
      { start: 10, end: 20 },
    ];
    const record = await fixture.admit(file, { ranges });
    expect(record.ranges.equals(RangeSet.of(...ranges))).toBe(true);
    expect(record.bytes).toBe(MIB - 150 + 10);
    const { size, blocks } = await stat(fixture.pathOf(record.id));
    expect(size).toBe(3 * MIB - 50);
    if (process.platform === 'linux') expect(blocks * 512).toBeLessThan(2 * MIB);
    await using reader = await fixture.cache.open(record.id);
    for (const range of ranges)
      expect(await readRange(reader, range)).toEqual(file.bytes.subarray(range.start, range.end));
    await expect(readRange(reader, { start: 5, end: 15 })).rejects.toMatchObject({ code: 'E_INVALID_RANGE' });
    await fixture.reopen();
    expect(fixture.cache.get(record.id)).toEqual(record);
  });

  it('may be an empty file', async () => {
    const record = await fixture.admit(testFile(0));
    expect(record.bytes).toBe(0);
    await fixture.reopen();
    await using reader = await fixture.cache.open(record.id);
    expect(await readRange(reader, { start: 0, end: 0 })).toHaveLength(0);
  });

  it('may have pieces larger than one read', async () => {
    const file = testFile(5 * MIB + 1);
    const record = await fixture.admit(file, { pieceSize: 4 * MIB });
    await using reader = await fixture.cache.open(record.id);
    expect((await readRange(reader, { start: 1, end: 5 * MIB })).equals(file.bytes.subarray(1, 5 * MIB))).toBe(true);
  });

  it('is nobody else’s to read, even if the source was read-only', async () => {
    const content = await fixture.content(testFile(100));
    await chmod(content.source.path, 0o444);
    await using reservation = await fixture.cache.reserve(100);
    const record = await fixture.cache.admit(content, reservation, never);
    if (process.platform !== 'win32') expect((await stat(fixture.pathOf(record.id))).mode & 0o777).toBe(0o600);
  });

  it('is a copy: the source stays as it was, and nothing that happens to it reaches the record', async () => {
    const file = testFile(2 * MIB);
    const content = await fixture.content(file);
    const { path } = content.source;
    const { mode, nlink, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    await using reservation = await fixture.cache.reserve(2 * MIB);
    const { id } = await fixture.cache.admit(content, reservation, never);
    // A second name would show in the file of the user; some programs refuse such files.
    expect(await stat(path, { bigint: true })).toMatchObject({ mode, nlink, mtimeNs, ctimeNs });
    await using reader = await fixture.cache.open(id);
    const changes = [() => writeInPlace(path, MIB + 77), () => truncate(path, 10), () => appendFile(path, 'x')];
    for (const change of [...changes, () => rm(path)]) {
      await change();
      expect((await readRange(reader, { start: 0, end: 2 * MIB })).equals(file.bytes)).toBe(true);
      expect((await fixture.cache.verify(never)).damaged).toEqual([]);
    }
  });

  it('keeps nothing and gives the room back when it is stopped or the source is gone, cut or longer', async () => {
    const file = testFile(1000);
    await using reservation = await fixture.cache.reserve(1000);
    const content = await fixture.content(file);
    await expect(fixture.cache.admit(content, reservation, AbortSignal.abort())).rejects.toMatchObject({
      code: 'E_CANCELLED',
    });
    const failures: readonly Buffer[] = [file.bytes.subarray(0, 999), Buffer.concat([file.bytes, file.bytes])];
    for (const bytes of failures) {
      await writeFile(content.source.path, bytes);
      await expect(fixture.cache.admit(content, reservation, never)).rejects.toMatchObject({ code: 'E_IO' });
    }
    const missing = { ...content, source: { ...content.source, path: join(temp.path, 'nowhere') } };
    await expect(fixture.cache.admit(missing, reservation, never)).rejects.toMatchObject({ code: 'E_IO' });
    const part = await fixture.content(file, { ranges: [{ start: 0, end: 500 }] });
    await writeFile(part.source.path, file.bytes.subarray(0, 400));
    await expect(fixture.cache.admit(part, reservation, never)).rejects.toMatchObject({ code: 'E_IO' });
    expect(await fixture.contentFiles()).toEqual([]);
    expect(await fixture.incomingFiles()).toEqual([]);
    expect(reservation.bytes).toBe(1000);
    expect(fixture.cache.usage()).toMatchObject({ records: 0, bytes: 0, reservedBytes: 1000 });
  });

  it('is refused when its parts do not fit each other', async () => {
    const file = testFile(3000);
    const good = await fixture.content(file, { pieceSize: 1000 });
    await using reservation = await fixture.cache.reserve(3000);
    const { ranges } = good.source;
    const wrong = [
      { ...good, pieces: good.pieces.slice(1) },
      { ...good, pieces: good.pieces.map((piece) => ({ ...piece, hash: piece.hash.subarray(1) })) },
      { ...good, pieceSize: 1500 },
      { ...good, pieceSize: 0 },
      { ...good, version: { ...good.version, size: 2999 } },
      { ...good, source: { ...good.source, ranges: [...ranges, { start: 0, end: 5 }] } },
      { ...good, pieces: [], source: { ...good.source, ranges: [] } },
      { ...good, version: { ...good.version, size: 8193 * 1000 } },
    ];
    for (const content of wrong) {
      await expect(fixture.cache.admit(content, reservation, never)).rejects.toMatchObject({
        code: 'E_INVALID_ARGUMENT',
      });
    }
    await using small = await fixture.cache.reserve(2999);
    await expect(fixture.cache.admit(good, small, never)).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
  });
});

describe('the gate', () => {
  it('lets only valid records be found, and remembers states over a restart', async () => {
    const file = testFile(100);
    const query = { url: file.url, version: null, sha256: null };
    const { id } = await fixture.admit(file, { state: 'unknown' });
    expect(fixture.cache.find(query)).toEqual([]);
    expect(fixture.cache.get(id)?.state).toBe('unknown');
    expect((await fixture.cache.setState(id, 'valid')).state).toBe('valid');
    expect(fixture.cache.find(query)).toHaveLength(1);
    await fixture.reopen();
    expect(fixture.cache.find(query)).toHaveLength(1);
    await fixture.cache.setState(id, 'invalid');
    expect(fixture.cache.find(query)).toEqual([]);
    await fixture.cache.sweep();
    expect(fixture.cache.get(id)).toBeNull();
    await expect(fixture.cache.setState(id, 'valid')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });
});

describe('finding', () => {
  it('tells versions, URLs and digests apart, and gives the newest version first', async () => {
    const file = testFile(100);
    const version = (day: number) => ({ size: 100, lastModifiedMs: day * 86_400_000, etag: null });
    const old = await fixture.admit(file, { version: version(1), sha256: '11'.repeat(32) });
    const recent = await fixture.admit(file, { version: version(3) });
    const middle = await fixture.admit(file, { version: version(2) });
    const other = await fixture.admit({ ...file, url: 'http://origin.test/other' }, { sha256: '11'.repeat(32) });
    const ids = (query: Partial<Parameters<typeof fixture.cache.find>[0]>): string[] =>
      fixture.cache.find({ url: file.url, version: null, sha256: null, ...query }).map(({ id }) => id);
    expect(ids({})).toEqual([recent.id, middle.id, old.id]);
    expect(ids({ version: version(2) })).toEqual([middle.id]);
    expect(ids({ version: { ...version(2), etag: '"x"' } })).toEqual([]);
    expect(ids({ url: 'http://origin.test/none' })).toEqual([]);
    expect(ids({ sha256: '11'.repeat(32), version: version(9) }).sort()).toEqual([old.id, other.id].sort());
    expect(ids({ sha256: `${'11'.repeat(31)}12` })).toEqual([]);
  });

  it('lists by id, in pages, all or of one URL', async () => {
    for (let index = 0; index < 7; index++)
      await fixture.admit(testFile(10, `http://origin.test/${index % 2}`), {
        version: { size: 10, lastModifiedMs: index, etag: null },
      });
    const all = (await fixture.cache.list()).map(({ id }) => id);
    expect(all).toEqual([...all].sort());
    expect(all).toHaveLength(7);
    const page = await fixture.cache.list({ after: all[1] as (typeof all)[0], limit: 3 });
    expect(page.map(({ id }) => id)).toEqual(all.slice(2, 5));
    const ofUrl = await fixture.cache.list({ url: 'http://origin.test/1' });
    expect(ofUrl).toHaveLength(3);
    expect(
      await fixture.cache.list({ url: 'http://origin.test/1', after: ofUrl[0]?.id as (typeof all)[0], limit: 1 }),
    ).toEqual([ofUrl[1]]);
  });

  it('forgets a record that a valid one of the same version holds entirely', async () => {
    const file = testFile(3000);
    const part = await fixture.admit(file, { ranges: [{ start: 0, end: 1000 }] });
    const waiting = await fixture.admit(file, { state: 'unknown' });
    const changed = await fixture.admit(file, { version: { size: 3000, lastModifiedMs: 5, etag: '"2"' } });
    const digested = await fixture.admit(file, { sha256: '22'.repeat(32) });
    expect(fixture.cache.get(part.id)).toBeNull();
    const whole = await fixture.cache.setState(waiting.id, 'valid');
    // Without it nobody could find the content by its digest.
    expect(fixture.cache.get(digested.id)).not.toBeNull();
    expect(fixture.cache.get(changed.id)).not.toBeNull();
    expect(fixture.cache.get(whole.id)).not.toBeNull();
    expect(fixture.eventsOf('cache.removed')).toEqual([
      { type: 'cache.removed', recordId: part.id, reason: 'superseded' },
    ]);
  });
});

describe('removing', () => {
  it('takes a record and its file away', async () => {
    const { id } = await fixture.admit(testFile(100));
    await fixture.cache.remove(id);
    expect(await fixture.contentFiles()).toEqual([]);
    for (const attempt of [fixture.cache.remove(id), fixture.cache.open(id), fixture.cache.pieces(id)]) {
      await expect(attempt).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    }
    await expect(fixture.cache.remove(newRecordId())).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });

  it('says that a record is busy while it is read', async () => {
    const { id } = await fixture.admit(testFile(100));
    {
      await using _reader = await fixture.cache.open(id);
      await using _second = await fixture.cache.open(id);
      await expect(fixture.cache.remove(id)).rejects.toMatchObject({ code: 'E_BUSY' });
    }
    await fixture.cache.remove(id);
  });

  it('of everything hides records in use at once, and takes their files after the last reader', async () => {
    const file = testFile(5000);
    const { id } = await fixture.admit(file);
    await fixture.admit(testFile(100, 'http://origin.test/other'));
    const first = await fixture.cache.open(id);
    const second = await fixture.cache.open(id);
    expect(await fixture.cache.clear()).toEqual({ removed: 2, busy: 1 });
    expect(fixture.cache.find({ url: file.url, version: null, sha256: null })).toEqual([]);
    expect(await fixture.cache.list()).toEqual([]);
    await expect(fixture.cache.open(id)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    expect(await fixture.contentFiles()).toEqual([id]);
    expect((await readRange(first, { start: 0, end: 5000 })).equals(file.bytes)).toBe(true);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    expect((await readRange(second, { start: 0, end: 5000 })).equals(file.bytes)).toBe(true);
    await second[Symbol.asyncDispose]();
    await fixture.close();
    expect(await fixture.contentFiles()).toEqual([]);
    await fixture.open();
  });

  it('of a URL leaves the others', async () => {
    const gone = testFile(10);
    const version = (etag: string) => ({ size: 10, lastModifiedMs: null, etag });
    await fixture.admit(gone, { version: version('"a"') });
    await fixture.admit(gone, { version: version('"b"'), state: 'unknown' });
    const kept = await fixture.admit(testFile(10, 'http://origin.test/kept'));
    expect(await fixture.cache.removeUrl(gone.url)).toEqual({ removed: 2, busy: 0 });
    expect((await fixture.cache.list()).map(({ id }) => id)).toEqual([kept.id]);
  });
});

describe('reading', () => {
  const flip = async (id: string, offset: number): Promise<void> => {
    const bytes = await readFile(fixture.pathOf(id));
    bytes[offset] = (bytes[offset] as number) ^ 1;
    await writeFile(fixture.pathOf(id), bytes);
  };

  it.each([
    ['small', MIB],
    ['large', 2 * MIB],
  ])('hands out no byte of a damaged %s piece and drops the record', async (_name, pieceSize) => {
    const file = testFile(4 * MIB);
    const { id } = await fixture.admit(file, { pieceSize });
    await flip(id, 2 * MIB + 77);
    const chunks: Uint8Array[] = [];
    await using reader = await fixture.cache.open(id);
    const reading = reader.read({ start: 0, end: 4 * MIB }, (chunk) => void chunks.push(chunk), never);
    await expect(reading).rejects.toMatchObject({ code: 'E_CACHE_DAMAGED', details: { recordId: id } });
    expect(Buffer.concat(chunks).equals(file.bytes.subarray(0, 2 * MIB))).toBe(true);
    expect(fixture.cache.get(id)).toBeNull();
    expect(fixture.eventsOf('cache.damaged')).toHaveLength(1);
  });

  it('notices a change of a file that was found good before', async () => {
    const file = testFile(2 * MIB);
    const { id } = await fixture.admit(file);
    const read = async () => {
      await using reader = await fixture.cache.open(id);
      return (await readRange(reader, { start: 0, end: 2 * MIB })).equals(file.bytes);
    };
    expect([await read(), await read()]).toEqual([true, true]);
    await flip(id, MIB + 77);
    await expect(read()).rejects.toMatchObject({ code: 'E_CACHE_DAMAGED' });
  });

  it('notices a cut or missing file, and lost hashes', async () => {
    const cut = await fixture.admit(testFile(3000));
    await writeFile(fixture.pathOf(cut.id), Buffer.alloc(10));
    await using reader = await fixture.cache.open(cut.id);
    await expect(readRange(reader, { start: 0, end: 3000 })).rejects.toMatchObject({ code: 'E_CACHE_DAMAGED' });
    const lost = await fixture.admit(testFile(3000));
    await rm(fixture.pathOf(lost.id));
    await expect(fixture.cache.open(lost.id)).rejects.toMatchObject({ code: 'E_CACHE_DAMAGED' });
    const bare = await fixture.admit(testFile(3000));
    await fixture.database.bytesTable('cache-hashes').delete(bare.id);
    await expect(fixture.cache.open(bare.id)).rejects.toMatchObject({ code: 'E_CACHE_DAMAGED' });
    await expect.poll(() => fixture.cache.usage().records).toBe(0);
  });

  it('waits for the sink and stops at the signal', async () => {
    const file = testFile(4 * MIB);
    const { id } = await fixture.admit(file);
    await using reader = await fixture.cache.open(id);
    const stop = new AbortController();
    let busy = false;
    let chunks = 0;
    const sink = async (): Promise<void> => {
      expect(busy).toBe(false);
      busy = true;
      await new Promise((resolve) => setImmediate(resolve));
      busy = false;
      if (++chunks === 2) stop.abort();
    };
    await expect(reader.read({ start: 0, end: 4 * MIB }, sink, stop.signal)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(chunks).toBe(2);
  });
});

describe('verifying', () => {
  it('reads everything, reports each damaged record and removes it, and counts as no access', async () => {
    const good = await fixture.admit(testFile(3 * MIB, 'http://origin.test/good'));
    const flipped = await fixture.admit(testFile(3000, 'http://origin.test/flipped'));
    const longer = await fixture.admit(testFile(3000, 'http://origin.test/longer'));
    const bytes = await readFile(fixture.pathOf(flipped.id));
    bytes[0] = (bytes[0] as number) ^ 128;
    await writeFile(fixture.pathOf(flipped.id), bytes);
    await writeFile(fixture.pathOf(longer.id), Buffer.alloc(3001));
    await writeFile(`${fixture.pathOf(good.id)}x`, 'an orphan');
    fixture.clock.advance(1000);
    const report = await fixture.cache.verify(never);
    expect(report).toMatchObject({ checked: 2, bytes: 3 * MIB });
    expect(report.damaged.map(({ id }) => id).sort()).toEqual([flipped.id, longer.id].sort());
    expect(report.steps.map(({ name, repaired }) => [name, repaired])).toEqual([
      ['compare files with the index', 2],
      ['compare content with its hashes', 1],
    ]);
    expect(await fixture.contentFiles()).toEqual([good.id]);
    expect(fixture.cache.get(good.id)?.lastAccessMs).toBe(good.lastAccessMs);
    expect((await fixture.cache.verify(never)).damaged).toEqual([]);
  });

  it('stops at the signal', async () => {
    await fixture.admit(testFile(100));
    await expect(fixture.cache.verify(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});
