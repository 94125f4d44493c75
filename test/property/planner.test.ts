import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteRange } from '../../src/core/byte-range.ts';
import { seededRandom } from '../../src/core/random.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { type Assignment, alignToPieces, firstFrom, planAssignments, type SourceState } from '../../src/plan/assign.ts';

const PIECE = 8;

/** A file, its sources and how they behave, played move by move with the real planner. */
interface World {
  readonly size: number;
  readonly wanted: readonly ByteRange[];
  readonly peers: readonly { readonly cells: readonly number[]; readonly startsMs: number }[];
  readonly origin: boolean;
  readonly originFromMs: number;
  readonly maxRequestPieces: number;
  /** Where the reader is at each move, over and over; 0 when nobody reads. */
  readonly positions: readonly number[];
  readonly seed: number;
}

const world: fc.Arbitrary<World> = fc.record({
  size: fc.integer({ min: 1, max: 200 }),
  wanted: fc
    .array(fc.tuple(fc.nat(199), fc.integer({ min: 1, max: 80 })), { maxLength: 4 })
    .map((list) => list.map(([start, length]) => ({ start, end: start + length }))),
  peers: fc.array(
    fc.record({ cells: fc.array(fc.nat(25), { maxLength: 20 }), startsMs: fc.constantFrom(0, 0, 5, 50) }),
    { maxLength: 5 },
  ),
  origin: fc.boolean(),
  originFromMs: fc.constantFrom(0, 20),
  maxRequestPieces: fc.integer({ min: 1, max: 6 }),
  positions: fc.oneof(fc.constant([0]), fc.array(fc.nat(220), { minLength: 1, maxLength: 6 })),
  seed: fc.nat(),
});

interface Player extends SourceState {
  readonly inFlight: number;
}

/** Plays until nothing is missing or the planner says that it is stuck; checks every plan on the way. */
function play(it: World): { left: RangeSet; reachable: RangeSet } {
  const random = seededRandom(it.seed);
  const whole = RangeSet.of({ start: 0, end: it.size });
  const wanted = it.wanted.length === 0 ? whole : RangeSet.of(...it.wanted).intersect(whole);
  const sources = new Map<string, Player>();
  for (const [index, peer] of it.peers.entries()) {
    const offers = RangeSet.of(...peer.cells.map((cell) => ({ start: cell * PIECE, end: (cell + 1) * PIECE })));
    sources.set(`p${index}`, {
      id: `p${index}`,
      kind: 'peer',
      offers,
      inFlight: 0,
      maxInFlight: 1,
      notBeforeMs: peer.startsMs,
    });
  }
  if (it.origin) {
    sources.set('origin', { id: 'origin', kind: 'origin', offers: whole, inFlight: 0, maxInFlight: 1, notBeforeMs: 0 });
  }
  let left = wanted;
  let nowMs = 0;
  let running: Assignment[] = [];
  for (let step = 0; !left.isEmpty; step++) {
    expect(step, 'the game must end').toBeLessThan(2000);
    const busy = RangeSet.of(...running.map((one) => alignToPieces(one.range, PIECE)));
    const position = it.positions[step % it.positions.length] as number;
    const plan = planAssignments({
      nowMs,
      missing: left.subtract(busy),
      heads: RangeSet.empty,
      sources: [...sources.values()],
      originFromMs: it.originFromMs,
      pieceSize: PIECE,
      maxRequestBytes: it.maxRequestPieces * PIECE,
      maxOriginRequestBytes: it.maxRequestPieces * PIECE,
      position,
    });
    let open = left.subtract(busy);
    for (const one of plan.assignments) {
      const source = sources.get(one.sourceId) as Player;
      expect(source.offers.covers(one.range), 'only what the source offers').toBe(true);
      expect(left.covers(one.range), 'only what is missing').toBe(true);
      expect(source.notBeforeMs).toBeLessThanOrEqual(nowMs);
      if (source.kind === 'origin') expect(nowMs).toBeGreaterThanOrEqual(it.originFromMs);
      const mine = RangeSet.of(alignToPieces(one.range, PIECE));
      if (position > 0 && (source.kind === 'peer' || sources.size === 1)) {
        const next = firstFrom(source.offers.intersect(open), Math.floor(position / PIECE) * PIECE);
        expect(one.range.start, 'what a reader needs next comes first').toBe(next?.start);
      }
      open = open.subtract(mine);
      for (const other of running) {
        expect(mine.intersect(RangeSet.of(alignToPieces(other.range, PIECE))).isEmpty, 'never overlaps').toBe(true);
      }
      running.push(one);
      sources.set(source.id, { ...source, inFlight: source.inFlight + 1 });
      expect(source.inFlight + 1).toBeLessThanOrEqual(source.maxInFlight);
    }
    if (running.length === 0) {
      if (plan.wakeAtMs === null) {
        expect(plan.stuck).toBe(true);
        break;
      }
      expect(plan.wakeAtMs).toBeGreaterThan(nowMs);
      nowMs = plan.wakeAtMs;
      continue;
    }
    const finished = running[Math.floor(random() * running.length)] as Assignment;
    running = running.filter((one) => one !== finished);
    const source = sources.get(finished.sourceId) as Player;
    sources.set(source.id, { ...source, inFlight: source.inFlight - 1 });
    const luck = random();
    if (luck < 0.7) left = left.subtract(RangeSet.of(finished.range));
    else if (luck < 0.85 || source.kind === 'origin') {
      sources.set(source.id, {
        ...source,
        inFlight: source.inFlight - 1,
        notBeforeMs: nowMs + 1 + Math.floor(random() * 30),
      });
    } else sources.delete(source.id);
    nowMs += 1;
  }
  const reachable = RangeSet.of(...[...sources.values()].flatMap((source) => source.offers.ranges));
  return { left, reachable };
}

describe('the planner', () => {
  it('covers all that any source can still deliver, never overlaps, and ends', () => {
    fc.assert(
      fc.property(world, (it) => {
        const { left, reachable } = play(it);
        expect(left.intersect(reachable).isEmpty).toBe(true);
        if (it.origin) expect(left.isEmpty).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
