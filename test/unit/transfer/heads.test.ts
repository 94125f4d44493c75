import { readFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { LINE_BYTES } from '../../../src/transfer/journal-format.ts';
import { PartFile } from '../../../src/transfer/part-file.ts';
import { bytes, damage, MIB, PartFixture, sha256 } from '../../support/part-fixture.ts';
import { tempDir } from '../../support/temp-dir.ts';

async function linesIn(file: PartFixture): Promise<number> {
  const journal = await readFile(file.journalPath, 'utf8');
  return (journal.length - journal.indexOf('\n') - 1) / LINE_BYTES;
}

describe('the head of a piece', () => {
  it('is there after a restart, and the origin goes on behind it', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    const first = await PartFile.open(file.target);
    await file.send(first, { start: 0, end: MIB + 12_345 });
    await first.close();
    const second = await PartFile.open(file.target);
    expect(second.proven.ranges).toEqual(bytes({ start: 0, end: MIB }));
    expect(second.written.ranges).toEqual(bytes({ start: 0, end: MIB + 12_345 }));
    await file.send(second, { start: MIB + 12_345, end: 3 * MIB });
    expect(second.isComplete).toBe(true);
    expect(second.heads.size).toBe(0);
    await second.seal();
    expect(await readFile(second.path)).toEqual(file.content);
    expect((await PartFile.readSealed(file.target))?.pieces).toEqual(second.pieces());
  });

  it('is kept at each block of a large piece, so that a killed process loses little', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 4 * MIB, 64);
    const killed = await PartFile.open(file.target);
    const intake = file.intake(killed, 0);
    await file.feed(intake, { start: 0, end: 2 * MIB + 500_000 });
    await vi.waitFor(() => expect(killed.written.size).toBe(2 * MIB));
    await vi.waitFor(async () => expect(await linesIn(file)).toBe(2));
    const next = await PartFile.open(file.target);
    expect(next.written.ranges).toEqual(bytes({ start: 0, end: 2 * MIB }));
    await next.close();
    await intake.settle();
    await killed.close();
  });

  it('goes back to the last block that is right', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 4 * MIB, 64);
    const first = await PartFile.open(file.target);
    await file.send(first, { start: 0, end: 3 * MIB + 1 });
    await first.close();
    await damage(file.partPath, 3 * MIB);
    const second = await PartFile.open(file.target);
    expect(second.written.ranges).toEqual(bytes({ start: 0, end: 3 * MIB }));
    await second.close();
    await damage(file.partPath, 5);
    const third = await PartFile.open(file.target);
    expect(third.written.isEmpty).toBe(true);
    await third.close();
  });

  it('takes two lines in the journal at most, however often it is kept and reopened', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 8 * MIB, 64);
    for (let at = 0; at < 7 * MIB; at += MIB / 2) {
      const part = await PartFile.open(file.target);
      expect(part.written.size).toBe(at);
      await file.send(part, { start: at, end: at + MIB / 2 });
      await part.close();
      expect(await linesIn(file)).toBe(Math.min(2, 1 + at / (MIB / 2)));
    }
    const last = await PartFile.open(file.target);
    await file.send(last, { start: 7 * MIB, end: 8 * MIB });
    expect(last.isComplete).toBe(true);
    await last.close();
    expect(await linesIn(file)).toBe(2);
  });

  it('costs nothing where pieces are no larger than a block', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 3 * MIB);
    const part = await PartFile.open(file.target);
    await file.send(part, { start: 0, end: 3 * MIB });
    await part.close();
    expect(await linesIn(file)).toBe(3);
  });

  it('is forgotten when other bytes are written in its place', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    const part = await PartFile.open(file.target);
    await file.send(part, { start: 0, end: 1000 });
    part.forgetHeads({ start: 1000, end: 2 * MIB });
    expect(part.written.size).toBe(1000);
    part.forgetHeads({ start: 999, end: 2 * MIB });
    expect(part.written.isEmpty).toBe(true);
    await part.discard();
  });
});

describe('proven bytes', () => {
  it('are not overwritten by a neighbour whose larger piece may turn out wrong', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB, 16);
    const part = await PartFile.open(file.target);
    await file.put(part, { start: MIB, end: 2 * MIB });
    await part.write([Buffer.alloc(2 * MIB, 1)], 0);
    expect(await file.isTrue(part)).toBe(true);
    await file.put(part, { start: 0, end: 2 * MIB });
    expect(part.isComplete).toBe(true);
    await part.close();
    const again = await PartFile.open(file.target);
    expect(again.isComplete).toBe(true);
    await again.close();
  });

  it('are what the hash of their piece is taken from, whatever came for them later', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, MIB);
    const part = await PartFile.open(file.target);
    await file.put(part, { start: 1000, end: MIB });
    const other = Buffer.concat([file.slice({ start: 0, end: 1000 }), Buffer.alloc(MIB - 1000)]);
    await part.write([other], 0);
    await part.commit({ start: 0, end: MIB }, sha256(other));
    expect(part.pieces()[0]?.hash).toEqual(new Uint8Array(sha256(file.content)));
    await part.discard();
  });
});
