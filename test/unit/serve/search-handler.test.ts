import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RangeSet } from '../../../src/core/range-set.ts';
import type { SearchQuery } from '../../../src/peer/search-types.ts';
import { createSearchHandler, refuseSearches } from '../../../src/serve/search-handler.ts';
import { CacheFixture, testFile } from '../../support/cache-fixture.ts';
import { testNodeId } from '../../support/node-ids.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;
const asker = testNodeId(1);
const server = { port: 4711, freeSlots: () => 2 };

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

function query(url: string, extra: Partial<SearchQuery> = {}): SearchQuery {
  return { url, version: null, ranges: null, sha256: null, maxRecords: 5, ...extra };
}

test('a valid record is found with its hashes, the port and the free slots', async () => {
  const file = testFile(2 * MIB + 5);
  const record = await fixture.admit(file);
  const search = createSearchHandler({ cache: fixture.cache, server });
  const answer = await search(query(file.url, { version: record.version }), asker);
  expect(answer).toMatchObject({ status: 'found', contentPort: 4711, freeSlots: 2 });
  expect(answer.records).toHaveLength(1);
  expect(answer.records[0]?.pieces).toEqual(await fixture.cache.pieces(record.id));
});

test('only the pieces that touch the wanted ranges are named, and only records that hold any of them', async () => {
  const file = testFile(4 * MIB);
  await fixture.admit(file, { ranges: [{ start: 0, end: 3 * MIB }] });
  const search = createSearchHandler({ cache: fixture.cache, server });
  const inside = await search(query(file.url, { ranges: RangeSet.of({ start: MIB + 1, end: MIB + 2 }) }), asker);
  expect(inside.records[0]?.pieces).toMatchObject([{ start: MIB, end: 2 * MIB }]);
  const outside = await search(query(file.url, { ranges: RangeSet.of({ start: 3 * MIB, end: 4 * MIB }) }), asker);
  expect(outside.status).toBe('not-found');
});

test('nothing is found before the application accepted it, nor another version, nor another URL', async () => {
  const file = testFile(100);
  const record = await fixture.admit(file, { state: 'unknown' });
  const search = createSearchHandler({ cache: fixture.cache, server });
  expect((await search(query(file.url), asker)).status).toBe('not-found');
  await fixture.cache.setState(record.id, 'valid');
  expect((await search(query(file.url), asker)).status).toBe('found');
  const other = { ...record.version, etag: '"2"' };
  expect((await search(query(file.url, { version: other }), asker)).status).toBe('not-found');
  expect((await search(query('http://origin.test/other'), asker)).status).toBe('not-found');
});

test('a version that is only a size finds nothing', async () => {
  const file = testFile(100);
  const version = { size: 100, lastModifiedMs: null, etag: null };
  await fixture.admit(file, { version });
  const search = createSearchHandler({ cache: fixture.cache, server });
  expect((await search(query(file.url, { version }), asker)).status).toBe('not-found');
});

test('a digest finds the file under any URL', async () => {
  const file = testFile(100);
  const sha256 = createHash('sha256').update(file.bytes).digest();
  await fixture.admit(file, { sha256: sha256.toString('hex') });
  const search = createSearchHandler({ cache: fixture.cache, server });
  expect((await search(query('http://mirror.test/copy', { sha256 }), asker)).status).toBe('found');
});

test('no more records than asked for are answered', async () => {
  const file = testFile(100);
  for (let index = 0; index < 3; index++) {
    await fixture.admit(file, { version: { size: 100, lastModifiedMs: index, etag: null } });
  }
  const search = createSearchHandler({ cache: fixture.cache, server });
  const answer = await search(query(file.url, { maxRecords: 2 }), asker);
  expect(answer.records.map((record) => record.version.lastModifiedMs)).toEqual([2, 1]);
});

test('a node that serves nothing finds nothing', async () => {
  expect((await refuseSearches(query('http://origin.test/file'), asker)).status).toBe('not-found');
});
