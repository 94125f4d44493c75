import { describe, expect, it } from 'vitest';
import { cutFile } from '../../../../src/plan/swarm/file-runs.ts';
import { LEASE_MS, LeaseBook, type LeaseFact, STALLED_MS } from '../../../../src/plan/swarm/leases.ts';

const MIB = 1024 * 1024;
const file = cutFile(64 * MIB, MIB, true);
const lease = (first: number, position = first * MIB, extra: Partial<LeaseFact> = {}): LeaseFact => ({
  first,
  end: first + 4,
  position,
  ageMs: 0,
  takenOver: false,
  ...extra,
});
const holders = (leases: readonly { holder: string }[]) => leases.map(({ holder }) => holder);

/** Three owners that fetch 1 MiB a second, and one that fetches far less, for `seconds`. */
function withSlowOne(book: LeaseBook, seconds: number): number {
  for (let second = 0; second <= seconds; second++) {
    for (const [index, id] of ['a', 'b', 'c'].entries())
      book.hear(id, lease(4 * index, (4 * index + second) * MIB), second * 1000);
    book.hear('slow', lease(12, 12 * MIB + second * 10_000), second * 1000);
  }
  return seconds * 1000;
}

describe('LeaseBook', () => {
  it('ends a lease that is not renewed, within two seconds', () => {
    const book = new LeaseBook(file);
    book.hear('a', lease(0), 1000);
    expect(book.of('a', 1000 + LEASE_MS)).not.toBeNull();
    expect(book.of('a', 1001 + LEASE_MS)).toBeNull();
    expect(LEASE_MS).toBeLessThan(2000);
  });

  it('counts the age of a lease from when its holder began', () => {
    const book = new LeaseBook(file);
    book.hear('a', lease(0, 0, { ageMs: 700 }), 1000);
    book.hear('a', lease(0, MIB, { ageMs: 900 }), 1200);
    expect(book.of('a', 1200)).toMatchObject({ sinceMs: 300, position: MIB, movedMs: 1200 });
  });

  it('forgets a lease when the holder says that it has none', () => {
    const book = new LeaseBook(file);
    book.hear('a', lease(0), 0);
    book.hear('a', null, 10);
    expect(book.live(10)).toEqual([]);
  });

  it('believes what others tell of a holder only as long as they heard it themselves', () => {
    const book = new LeaseBook(file);
    book.hearOf('dead', lease(0), 1_000, 5_000);
    expect(book.of('dead', 5_000)).not.toBeNull();
    // Told again and again, it stays what was heard a second before.
    for (let atMs = 5_100; atMs < 6_000; atMs += 100) book.hearOf('dead', lease(0), atMs - 4_000, atMs);
    expect(book.of('dead', 4_001 + LEASE_MS)).toBeNull();
    expect(book.live(6_000)).toEqual([]);
  });

  it('cuts a lease to one run, and notes no more of them than there can be', () => {
    const book = new LeaseBook(file);
    book.hear('greedy', { ...lease(5), end: 1e9, position: -1 }, 0);
    expect(book.of('greedy', 0)).toMatchObject({ first: 5, end: 8, position: 5 * MIB });
    book.hear('beyond', lease(64), 0);
    expect(book.of('beyond', 0)).toBeNull();
    for (let index = 0; index < 500; index++) book.hear(`made-up-${index}`, lease(index % 60), 0);
    expect(book.live(0).length).toBeLessThanOrEqual(64);
  });

  it('calls a holder late that is far slower than the others', () => {
    const book = new LeaseBook(file);
    const nowMs = withSlowOne(book, 3);
    expect(holders(book.late(nowMs))).toEqual(['slow']);
  });

  it('gives everybody two seconds before it calls one slow', () => {
    const book = new LeaseBook(file);
    const nowMs = withSlowOne(book, 1);
    expect(book.late(nowMs)).toEqual([]);
  });

  it('calls a holder late that does not move, also when it is the only one', () => {
    const book = new LeaseBook(file);
    for (let atMs = 0; atMs <= STALLED_MS + 500; atMs += 500) book.hear('a', lease(0), atMs);
    expect(holders(book.late(STALLED_MS + 500))).toEqual(['a']);
  });

  it('hands little more over from the living once that has cost its share', () => {
    const book = new LeaseBook(file);
    const nowMs = withSlowOne(book, 3);
    // Two hand-overs that lose most of a piece each: more than 2 % of the file.
    for (const [index, id] of ['x', 'y'].entries()) {
      book.hear(id, lease(20 + 8 * index, (21 + 8 * index) * MIB - 10), nowMs);
      book.hear(`${id}-taker`, lease(20 + 8 * index, (20 + 8 * index) * MIB, { takenOver: true }), nowMs);
    }
    expect(book.hedgedBytes).toBeGreaterThan(0.02 * file.size);
    expect(holders(book.late(nowMs))).toEqual(['slow']);
    // Nearly done: worth waiting for.
    book.hear('slow', lease(12, 16 * MIB - 10), nowMs);
    book.hear('slower', lease(28, 32 * MIB - 10, { ageMs: 3_000_000 }), nowMs);
    expect(book.late(nowMs)).toEqual([]);
  });
});
