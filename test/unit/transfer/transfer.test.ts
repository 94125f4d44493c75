import { describe, expect, it, vi } from 'vitest';
import type { ByteRange } from '../../../src/core/byte-range.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { RangeSet } from '../../../src/core/range-set.ts';
import { PartFile } from '../../../src/transfer/part-file.ts';
import { Transfer } from '../../../src/transfer/transfer.ts';
import { bytesContent } from '../../support/origin-script.ts';
import { bytes, MIB, PartFixture, sha256 } from '../../support/part-fixture.ts';
import { ScriptedSource, type SourceScript } from '../../support/scripted-source.ts';
import { tempDir } from '../../support/temp-dir.ts';

const never = new AbortController().signal;
const whole = (file: PartFixture) => RangeSet.of({ start: 0, end: file.content.length });

/** A transfer of `file` into `part`, and the ranges it told. */
function transferOf(part: PartFile): { transfer: Transfer; told: ByteRange[] } {
  const told: ByteRange[] = [];
  const transfer = new Transfer(
    {
      part,
      clock: systemClock,
      note: () => {},
      onProgress: () => {},
      onPeerFailed: () => {},
      onProven: (range) => told.push({ ...range }),
    },
    { originRetries: 0, originServesRanges: true },
  );
  return { transfer, told };
}

function addOrigin(transfer: Transfer, file: PartFixture, script: SourceScript = {}): ScriptedSource {
  const source = new ScriptedSource(bytesContent(file.content), { kind: 'origin', id: 'origin', ...script });
  transfer.add({ source, offers: whole(file), pieces: null });
  transfer.allowOriginFrom(0);
  return source;
}

function addPeer(transfer: Transfer, file: PartFixture, part: PartFile, script: SourceScript = {}): ScriptedSource {
  const source = new ScriptedSource(bytesContent(file.content), { kind: 'peer', id: 'peer', ...script });
  const pieces = part.grid.map((piece) => ({ ...piece, hash: sha256(file.slice(piece)) }));
  transfer.add({ source, offers: whole(file), pieces });
  return source;
}

describe('a transfer', () => {
  it('goes on behind the bytes that an earlier process had from the origin', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    const first = await PartFile.open(file.target);
    const cut = transferOf(first);
    addOrigin(cut.transfer, file, { cutAfterBytes: MIB + 100_000, code: 'E_ORIGIN_TRUNCATED' });
    await expect(cut.transfer.run(never)).rejects.toMatchObject({ code: 'E_ORIGIN_TRUNCATED' });
    await first.close();
    const second = await PartFile.open(file.target);
    const { transfer, told } = transferOf(second);
    const origin = addOrigin(transfer, file);
    await transfer.run(never);
    expect(origin.asked).toEqual([{ start: MIB + 100_000, end: 2 * MIB }]);
    expect(told).toEqual([{ start: MIB, end: 2 * MIB }]);
    expect(await file.isTrue(second)).toBe(true);
    await second.discard();
  });

  it('keeps what the origin sent when it is stopped', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    const part = await PartFile.open(file.target);
    const { transfer } = transferOf(part);
    const origin = addOrigin(transfer, file, { stallAfterBytes: MIB + 65_536 });
    const stop = new AbortController();
    const run = transfer.run(stop.signal);
    await vi.waitFor(() => expect(origin.bytesSent).toBe(MIB + 65_536));
    stop.abort();
    await expect(run).rejects.toThrow();
    const warm = await part.suspend();
    for (const options of [{ warm }, {}]) {
      const next = await PartFile.open(file.target, options);
      expect(next.written.size).toBe(MIB + 65_536);
      await next.close();
    }
  });

  it('tells of wanted bytes only, also where a neighbour gives whole pieces', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 2 * MIB);
    const target = {
      ...file.target,
      ranges: [
        { start: 10, end: 20 },
        { start: MIB + 5, end: MIB + 6 },
      ],
    };
    const part = await PartFile.open(target);
    const { transfer, told } = transferOf(part);
    const source = new ScriptedSource(bytesContent(file.content));
    const pieces = [0, MIB].map((start) => ({
      start,
      end: start + MIB,
      hash: sha256(file.slice({ start, end: start + MIB })),
    }));
    transfer.add({ source, offers: whole(file), pieces });
    await transfer.run(never);
    expect(told).toEqual(target.ranges);
    await part.discard();
  });
});

describe('the focus of a transfer', () => {
  it('fetches nothing but what is asked for, in whole pieces, and then the next', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 6 * MIB);
    const part = await PartFile.open(file.target);
    const { transfer } = transferOf(part);
    const origin = addOrigin(transfer, file);
    transfer.focus({
      only: RangeSet.of({ start: 2 * MIB + 5, end: 2 * MIB + 6 }, { start: 5 * MIB, end: 5 * MIB + 1 }),
      position: 0,
    });
    await transfer.run(never);
    expect(part.proven.ranges).toEqual(bytes({ start: 2 * MIB, end: 3 * MIB }, { start: 5 * MIB, end: 6 * MIB }));
    expect(origin.bytesSent).toBe(2 * MIB);
    transfer.focus({ only: RangeSet.empty, position: 0 });
    await transfer.run(never);
    expect(origin.bytesSent).toBe(2 * MIB);
    transfer.focus({ only: null, position: 0 });
    await transfer.run(never);
    expect(part.isComplete).toBe(true);
    expect(origin.bytesSent).toBe(6 * MIB);
    await part.discard();
  });

  it('begins where a reader is and wraps around', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 4 * MIB);
    const part = await PartFile.open(file.target);
    const { transfer, told } = transferOf(part);
    addOrigin(transfer, file);
    transfer.focus({ only: null, position: 2 * MIB + 17 });
    await transfer.run(never);
    expect(told.map(({ start }) => start / MIB)).toEqual([2, 3, 0, 1]);
    await part.discard();
  });

  it('stops a request that brings what nobody wants any more, and keeps its bytes', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 6 * MIB);
    const part = await PartFile.open(file.target);
    const { transfer } = transferOf(part);
    const origin = addOrigin(transfer, file, { stallAfterBytes: MIB + 65_536 });
    const run = transfer.run(never);
    await vi.waitFor(() => expect(origin.bytesSent).toBe(MIB + 65_536));
    origin.script = {};
    transfer.focus({ only: RangeSet.of({ start: 4 * MIB, end: 5 * MIB }), position: 0 });
    await run;
    expect(part.written.ranges).toEqual(bytes({ start: 0, end: MIB + 65_536 }, { start: 4 * MIB, end: 5 * MIB }));
    transfer.focus({ only: null, position: 0 });
    await transfer.run(never);
    expect(origin.bytesSent).toBe(6 * MIB);
    expect(await file.isTrue(part)).toBe(true);
    await part.discard();
  });

  it('takes the only source to a reader who jumps far ahead', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 12 * MIB);
    const part = await PartFile.open(file.target);
    const { transfer, told } = transferOf(part);
    const origin = addOrigin(transfer, file, { stallAfterBytes: 65_536 });
    const run = transfer.run(never);
    await vi.waitFor(() => expect(origin.bytesSent).toBe(65_536));
    origin.script = {};
    transfer.focus({ only: null, position: 10 * MIB });
    await run;
    expect(told.map(({ start }) => start / MIB)).toEqual([10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(origin.bytesSent).toBe(12 * MIB);
    await part.discard();
  });

  it('leaves a request alone that brings soon what a reader needs', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 6 * MIB);
    const part = await PartFile.open(file.target);
    const { transfer } = transferOf(part);
    const gate = Promise.withResolvers<void>();
    const origin = addOrigin(transfer, file, { pace: () => gate.promise });
    const run = transfer.run(never);
    await vi.waitFor(() => expect(origin.asked).toHaveLength(1));
    transfer.focus({ only: null, position: 2 * MIB });
    gate.resolve();
    await run;
    expect(origin.asked).toHaveLength(1);
    await part.discard();
  });

  it('does not blame a neighbour for being stopped', async () => {
    await using dir = await tempDir();
    const file = new PartFixture(dir.path, 12 * MIB);
    const part = await PartFile.open(file.target);
    const { transfer, told } = transferOf(part);
    const peer = addPeer(transfer, file, part, { stallAfterBytes: MIB + 65_536 });
    const run = transfer.run(never);
    await vi.waitFor(() => expect(peer.bytesSent).toBe(MIB + 65_536));
    peer.script = {};
    transfer.focus({ only: null, position: 8 * MIB });
    await run;
    expect(transfer.hasPeers).toBe(true);
    expect(told.map(({ start }) => start / MIB)).toEqual([0, 8, 9, 10, 11, 1, 2, 3, 4, 5, 6, 7]);
    await part.discard();
  });
});
