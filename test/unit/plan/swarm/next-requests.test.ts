import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Giver,
  HEDGE_AFTER_MS,
  hedge,
  nextRequests,
  REQUEST_LIMITS,
  type RequestFacts,
  requestLimitsFor,
} from '../../../../src/plan/swarm/next-requests.ts';
import { PieceSet } from '../../../../src/plan/swarm/piece-set.ts';

const PIECES = 40;
const setOf = (pieces: readonly number[]) =>
  PieceSet.of(
    PIECES,
    pieces.map((first) => ({ first, end: first + 1 })),
  );
const giver = (id: string, pieces: readonly number[], extra: Partial<Giver> = {}): Giver => ({
  id,
  offers: setOf(pieces),
  inFlight: 0,
  notBeforeMs: 0,
  isFast: false,
  ...extra,
});

function factsOf(givers: readonly Giver[], extra: Partial<RequestFacts<Giver>> = {}): RequestFacts<Giver> {
  const rarity = new Uint16Array(PIECES);
  for (const { offers } of givers) for (const piece of offers) rarity[piece] = (rarity[piece] as number) + 1;
  return { nowMs: 1000, have: setOf([]), requested: setOf([]), givers, rarity, start: 0, inFlight: 0, ...extra };
}

const pieces = fc.uniqueArray(fc.nat(PIECES - 1), { maxLength: PIECES });

describe('nextRequests', () => {
  it('asks only for what is missing, offered and not asked for, never twice, and within its limits', () => {
    const states = fc.array(fc.record({ offers: pieces, inFlight: fc.nat(3), busy: fc.boolean() }), { maxLength: 12 });
    fc.assert(
      fc.property(states, pieces, pieces, fc.nat(8), fc.nat(PIECES - 1), (peers, have, requested, inFlight, start) => {
        const givers = peers.map((it, index) =>
          giver(`p${index}`, it.offers, { inFlight: it.inFlight, notBeforeMs: it.busy ? 2000 : 0 }),
        );
        const facts = factsOf(givers, { have: setOf(have), requested: setOf(requested), inFlight, start });
        const requests = nextRequests(facts, REQUEST_LIMITS);
        expect(inFlight + requests.length).toBeLessThanOrEqual(Math.max(inFlight, REQUEST_LIMITS.total));
        expect([...facts.requested]).toEqual([...setOf(requested)]);
        const asked = new Set<number>();
        for (const { partner, first, end } of requests) {
          const from = givers.find(({ id }) => id === partner) as Giver;
          expect(from.notBeforeMs).toBe(0);
          expect(from.inFlight + requests.filter((it) => it.partner === partner).length).toBeLessThanOrEqual(2);
          expect(end - first).toBeLessThanOrEqual(REQUEST_LIMITS.pieces);
          for (let piece = first; piece < end; piece++) {
            expect([from.offers.has(piece), have.includes(piece), requested.includes(piece), asked.has(piece)]).toEqual(
              [true, false, false, false],
            );
            asked.add(piece);
          }
        }
      }),
    );
  });

  it('asks for the rarest first', () => {
    const requests = nextRequests(factsOf([giver('a', [1, 2, 3]), giver('b', [1, 2])]), {
      ...REQUEST_LIMITS,
      pieces: 1,
      perPartner: 1,
    });
    expect(requests[0]).toEqual({ partner: 'a', first: 3, end: 4 });
  });

  it('begins elsewhere in the file than others, and takes neighbouring pieces along', () => {
    const requests = nextRequests(factsOf([giver('a', [...Array(PIECES).keys()])], { start: 30 }), {
      ...REQUEST_LIMITS,
      perPartner: 1,
    });
    expect(requests).toEqual([{ partner: 'a', first: 30, end: 34 }]);
  });

  it('asks a partner that is fast for more at once', () => {
    const offers = [...Array(PIECES).keys()];
    const facts = factsOf([giver('fast', offers, { isFast: true }), giver('slow', offers)]);
    const requests = nextRequests(facts, { ...REQUEST_LIMITS, perPartner: 1 });
    expect(requests).toEqual([
      { partner: 'fast', first: 0, end: 16 },
      { partner: 'slow', first: 16, end: 20 },
    ]);
  });

  it('asks all before it asks one twice', () => {
    const all = [...Array(PIECES).keys()];
    const requests = nextRequests(factsOf([giver('a', all), giver('b', all), giver('c', all)]), REQUEST_LIMITS);
    expect(requests.slice(0, 3).map(({ partner }) => partner)).toEqual(['a', 'b', 'c']);
  });
});

describe('hedge', () => {
  const open = [{ partner: 'a', first: 3, end: 4, sinceMs: 0 }];
  const late = { nowMs: HEDGE_AFTER_MS };

  it('asks another for what has been open for long', () => {
    expect(hedge(open, factsOf([giver('a', [3], { inFlight: 1 }), giver('b', [3])], late), REQUEST_LIMITS)).toEqual({
      partner: 'b',
      first: 3,
      end: 4,
    });
  });

  it('asks nobody early, nobody who does not have it, and nobody a third time', () => {
    const b = giver('b', [3]);
    expect(hedge(open, factsOf([b], { nowMs: HEDGE_AFTER_MS - 1 }), REQUEST_LIMITS)).toBeNull();
    expect(hedge(open, factsOf([giver('b', [4])], late), REQUEST_LIMITS)).toBeNull();
    expect(
      hedge([...open, { ...open[0], partner: 'c' } as (typeof open)[0]], factsOf([b], late), REQUEST_LIMITS),
    ).toBeNull();
  });
});

it('asks for as many pieces at once as one answer may hold', () => {
  const MIB = 1024 * 1024;
  const piecesOf = (pieceSize: number) => requestLimitsFor(pieceSize, 1_000).pieces;
  expect([16 * 1024, MIB / 4, MIB, 2 * MIB, 3 * MIB, 64 * MIB].map(piecesOf)).toEqual([16, 16, 4, 2, 1, 1]);
});

it('asks who is fast for as many pieces as the head of an answer has room for, or 16 MiB', () => {
  const MIB = 1024 * 1024;
  const fastOf = (pieceSize: number) => requestLimitsFor(pieceSize, 1_000).fastPieces;
  expect([MIB / 4, MIB, 2 * MIB, 16 * MIB, 64 * MIB].map(fastOf)).toEqual([16, 16, 8, 1, 1]);
});

it('asks for no more than a sixteenth of the file at once, so that those who begin together get different parts', () => {
  const piecesOf = (pieces: number) => requestLimitsFor(1024 * 1024, pieces).pieces;
  expect([1, 13, 31, 32, 63, 64, 500].map(piecesOf)).toEqual([1, 1, 1, 2, 3, 4, 4]);
});

it('asks for less at a time where the pieces are large, because they are held in memory', () => {
  const MIB = 1024 * 1024;
  expect([1, 4, 8, 16, 64].map((mib) => requestLimitsFor(mib * MIB, 1_000).total)).toEqual([4, 4, 4, 2, 2]);
});
