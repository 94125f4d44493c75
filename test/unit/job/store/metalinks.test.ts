import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DescribedContent } from '../../../../src/content/given-metalink.ts';
import { MAX_PIECES } from '../../../../src/core/pieces.ts';
import type { Job } from '../../../../src/job/job.ts';
import { JobStore } from '../../../../src/job/store/job-store.ts';
import { MetalinkRecord, readMetalinkRecord, writeMetalinkRecord } from '../../../../src/job/store/metalink-record.ts';
import { silentLogger } from '../../../../src/observe/log.ts';
import { Database } from '../../../../src/store/database.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const hashOf = (index: number) => createHash('sha256').update(`${index}`).digest();
const hashes = Array.from({ length: MAX_PIECES }, (_, index) => hashOf(index));
const LARGEST: DescribedContent = { size: 5 * MAX_PIECES, sha256: hashOf(-1), pieces: { pieceSize: 5, hashes } };
const JOB = { id: '00000000-0000-4000-8000-000000000000' } as Job;

let dir: Awaited<ReturnType<typeof tempDir>>;
let database: Database;

beforeEach(async () => {
  dir = await tempDir();
  database = await Database.open({ log: silentLogger, emit: () => {} }, { dir: join(dir.path, 'jobs') });
});

afterEach(async () => {
  await database.close();
  await dir[Symbol.asyncDispose]();
});

test.each<[string, DescribedContent]>([
  ['as many pieces as there may be', LARGEST],
  ['a digest only', { size: null, sha256: hashOf(1), pieces: null }],
  ['no pieces at all', { size: 0, sha256: null, pieces: { pieceSize: 1, hashes: [] } }],
])('what a document says comes back with %s', (_, content) => {
  const record = MetalinkRecord.parse(JSON.parse(JSON.stringify(writeMetalinkRecord(content))));
  expect(readMetalinkRecord(record)).toEqual(content);
});

test('what is stored for a file is found under its index, and forgotten where there is no such job', async () => {
  const store = new JobStore(database, silentLogger);
  await store.saveMetalinks(JOB, new Map([[7, LARGEST]]));
  expect(await store.metalink(JOB.id, 7)).toEqual(LARGEST);
  expect(await store.metalink(JOB.id, 6)).toBeNull();
  expect(await store.load()).toEqual([]);
  expect(await store.metalink(JOB.id, 7)).toBeNull();
});
