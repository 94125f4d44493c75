import { open } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { Proofs, ProvenPieces } from '../../../src/cache/proofs.ts';
import { CacheReader } from '../../../src/cache/reader.ts';
import type { FileIdentity } from '../../../src/core/file-identity.ts';
import { newRecordId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { CacheFixture, piecesOf, readRange, testFile } from '../../support/cache-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const FILE: FileIdentity = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 4n, ctimeNs: 5n };

it('remembers what is proven of a file, for an hour', () => {
  const clock = new ManualClock(0);
  const proofs = new Proofs({ clock });
  const id = newRecordId();
  proofs.of(id, FILE, 4).add(2);
  clock.advance(HOUR_MS - 1);
  expect([0, 1, 2, 3].filter((index) => proofs.of(id, FILE, 4).has(index))).toEqual([2]);
  clock.advance(1);
  expect(proofs.of(id, FILE, 4).has(2)).toBe(false);
});

it.each(['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const)('forgets it when %s of the file changed', (field) => {
  const proofs = new Proofs({ clock: new ManualClock(0) });
  const id = newRecordId();
  proofs.of(id, FILE, 4).add(0);
  expect(proofs.of(id, { ...FILE, [field]: 99n }, 4).has(0)).toBe(false);
  // And what comes back as it was has been something else meanwhile.
  expect(proofs.of(id, FILE, 4).has(0)).toBe(false);
});

it('remembers the 64 records that were opened last', () => {
  const proofs = new Proofs({ clock: new ManualClock(0) });
  const ids = Array.from({ length: 65 }, () => newRecordId());
  for (const id of ids) proofs.of(id, FILE, 1).add(0);
  expect(ids.slice(1).every((id) => proofs.of(id, FILE, 1).has(0))).toBe(true);
  expect(proofs.of(ids[0] as (typeof ids)[number], FILE, 1).has(0)).toBe(false);
});

it.each([MIB, 2 * MIB])('a reader hashes a piece of %i bytes unless it is proven', async (pieceSize) => {
  await using temp = await tempDir();
  const fixture = new CacheFixture(temp.path);
  await fixture.open();
  const { id } = await fixture.admit(testFile(4 * MIB), { pieceSize });
  const record = fixture.cache.get(id);
  if (record === null) throw new Error('the record is gone');
  // Hashes that fit nothing: only what is proven already can be read.
  const pieces = piecesOf(Buffer.alloc(4 * MIB), [{ start: 0, end: 4 * MIB }], pieceSize);
  const proven = new ProvenPieces(pieces.length);
  proven.add(1);
  const file = await open(fixture.pathOf(id));
  await using reader = new CacheReader({ file, proven, onDamage: () => {}, onClose: () => {} }, { record, pieces });
  expect(await readRange(reader, { start: pieceSize, end: 2 * pieceSize })).toHaveLength(pieceSize);
  await expect(readRange(reader, { start: 0, end: pieceSize })).rejects.toMatchObject({ code: 'E_CACHE_DAMAGED' });
  await fixture.close();
});
