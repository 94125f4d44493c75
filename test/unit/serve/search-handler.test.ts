import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NearbitsError } from '../../../src/core/errors.ts';
import { RangeSet } from '../../../src/core/range-set.ts';
import type { SearchQuery } from '../../../src/peer/search-types.ts';
import type { ContentServer } from '../../../src/serve/content-server.ts';
import { createSearchHandler, refuseSearches } from '../../../src/serve/search-handler.ts';
import { CacheFixture, testFile } from '../../support/cache-fixture.ts';
import { testNodeId } from '../../support/node-ids.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;
const asker = testNodeId(1);
const server = { port: 4711, freeSlots: () => 2, inline: async () => null };

let dir: Awaited<ReturnType<typeof tempDir>>;
let fixture: CacheFixture;

beforeEach(async () => {
  dir = await tempDir();
  fixture = new CacheFixture(dir.path);
  await fixture.open();
});

afterEach(async () => {
  await fixture.close();
  await dir[Symbol.asyncDispose]();
});

/** Asks a handler over the cache of the test. */
function searcher(
  inline: (...asked: Parameters<ContentServer['inline']>) => ReturnType<ContentServer['inline']> = server.inline,
) {
  const search = createSearchHandler({ cache: fixture.cache, server: { ...server, inline } });
  const ends: ((sent: boolean) => void)[] = [];
  const ask = (asked: SearchQuery) => search(asked, asker, (done) => ends.push(done));
  return Object.assign(ask, { ends });
}

function query(url: string, extra: Partial<SearchQuery> = {}): SearchQuery {
  return { url, version: null, ranges: null, sha256: null, maxRecords: 5, ...extra };
}

test('a valid record is found with its hashes, the port and the free slots', async () => {
  const file = testFile(2 * MIB + 5);
  const record = await fixture.admit(file);
  const search = searcher();
  const answer = await search(query(file.url, { version: record.version }));
  expect(answer).toMatchObject({ status: 'found', contentPort: 4711, freeSlots: 2 });
  expect(answer.records).toHaveLength(1);
  expect(answer.records[0]?.pieces).toEqual(await fixture.cache.pieces(record.id));
});

test('only the pieces that touch the wanted ranges are named, and only records that hold any of them', async () => {
  const file = testFile(4 * MIB);
  await fixture.admit(file, { ranges: [{ start: 0, end: 3 * MIB }] });
  const search = searcher();
  const inside = await search(query(file.url, { ranges: RangeSet.of({ start: MIB + 1, end: MIB + 2 }) }));
  expect(inside.records[0]?.pieces).toMatchObject([{ start: MIB, end: 2 * MIB }]);
  const outside = await search(query(file.url, { ranges: RangeSet.of({ start: 3 * MIB, end: 4 * MIB }) }));
  expect(outside.status).toBe('not-found');
});

test('nothing is found before the application accepted it, nor another version, nor another URL', async () => {
  const file = testFile(100);
  const record = await fixture.admit(file, { state: 'unknown' });
  const search = searcher();
  expect((await search(query(file.url))).status).toBe('not-found');
  await fixture.cache.setState(record.id, 'valid');
  expect((await search(query(file.url))).status).toBe('found');
  const other = { ...record.version, etag: '"2"' };
  expect((await search(query(file.url, { version: other }))).status).toBe('not-found');
  expect((await search(query('http://origin.test/other'))).status).toBe('not-found');
});

test('a version that is only a size finds nothing', async () => {
  const file = testFile(100);
  const version = { size: 100, lastModifiedMs: null, etag: null };
  await fixture.admit(file, { version });
  const search = searcher();
  expect((await search(query(file.url, { version }))).status).toBe('not-found');
});

test('a digest finds the file under any URL', async () => {
  const file = testFile(100);
  const sha256 = createHash('sha256').update(file.bytes).digest();
  await fixture.admit(file, { sha256: sha256.toString('hex') });
  const search = searcher();
  expect((await search(query('http://mirror.test/copy', { sha256 }))).status).toBe('found');
});

test('no more records than asked for are answered', async () => {
  const file = testFile(100);
  for (let index = 0; index < 3; index++) {
    await fixture.admit(file, { version: { size: 100, lastModifiedMs: index, etag: null } });
  }
  const search = searcher();
  const answer = await search(query(file.url, { maxRecords: 2 }));
  expect(answer.records.map((record) => record.version.lastModifiedMs)).toEqual([2, 1]);
});

test('a node that serves nothing finds nothing', async () => {
  expect((await refuseSearches(query('http://origin.test/file'), asker, () => undefined)).status).toBe('not-found');
});

test('the content of the first small record comes with the answer, if the asker allows that many bytes', async () => {
  const file = testFile(1000);
  for (const lastModifiedMs of [1, 2]) {
    await fixture.admit(file, { version: { size: 1000, lastModifiedMs, etag: null } });
  }
  const asked: unknown[] = [];
  const done = () => undefined;
  const search = searcher(async (nodeId, _recordId, pieces) => {
    asked.push({ nodeId, pieces: pieces.length });
    return { bytes: file.bytes, done };
  });
  for (const maxInlineBytes of [0, 999]) {
    const answer = await search(query(file.url, { maxInlineBytes }));
    expect(answer.records.map(({ inline }) => inline)).toEqual([undefined, undefined]);
  }
  expect(asked).toEqual([]);
  const answer = await search(query(file.url, { maxInlineBytes: 1000 }));
  expect(answer.records.map(({ inline }) => inline)).toEqual([file.bytes, undefined]);
  expect(asked).toEqual([{ nodeId: asker, pieces: 1 }]);
  expect(search.ends).toEqual([done]);
});

test('the record is named without its content while the server has no time, and not at all when it is damaged', async () => {
  const file = testFile(1000);
  await fixture.admit(file);
  const wish = query(file.url, { maxInlineBytes: 65_536 });
  const busy = await searcher(async () => null)(wish);
  expect(busy).toMatchObject({ status: 'found', records: [{ pieces: [{ start: 0, end: 1000 }] }] });
  expect(busy.records[0]?.inline).toBeUndefined();
  const damaged = searcher(() => Promise.reject(new NearbitsError('E_CACHE_DAMAGED', 'scripted')));
  expect(await damaged(wish)).toMatchObject({ status: 'not-found', records: [] });
  const broken = searcher(() => Promise.reject(new Error('scripted')));
  await expect(broken(wish)).rejects.toThrow('scripted');
});
