import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/random.ts';
import type { Beat } from '../../../../src/plan/swarm/announcements.ts';
import { MAX_PARTNERS } from '../../../../src/plan/swarm/contacts.ts';
import { SWARM_PATIENCE } from '../../../../src/plan/swarm/followers.ts';
import { Swarm, type SwarmStep } from '../../../../src/plan/swarm/swarm.ts';

const MIB = 1024 * 1024;

interface Fetch {
  readonly id: string;
  readonly atMs: number;
  readonly first: number;
  readonly end: number;
}

/** Some members in one room: what one says the others hear at once. The clock moves in steps of 50 ms. */
class Room {
  readonly swarms = new Map<string, Swarm>();
  readonly fetches: Fetch[] = [];
  readonly stops: string[] = [];
  readonly steps = new Map<string, SwarmStep>();
  nowMs = 0;
  readonly #mib: number;
  readonly #anchored: boolean;

  constructor(ids: readonly string[], mib = 16, anchored = true) {
    this.#mib = mib;
    this.#anchored = anchored;
    for (const id of ids) this.enter(id);
  }

  enter(id: string): Swarm {
    const content = { contentId: 'content', self: id, size: this.#mib * MIB, pieceSize: MIB, anchored: this.#anchored };
    const swarm = new Swarm({ ...content, random: seededRandom(this.swarms.size) }, this.nowMs);
    for (const other of this.swarms.keys()) swarm.hearInterest(other, this.nowMs);
    for (const other of this.swarms.values()) other.hearInterest(id, this.nowMs);
    this.swarms.set(id, swarm);
    return swarm;
  }

  get(id: string): Swarm {
    return this.swarms.get(id) as Swarm;
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (; this.nowMs < untilMs; this.nowMs += 50) for (const id of [...this.swarms.keys()]) this.step(id);
  }

  step(id: string): void {
    const step = this.get(id).step(this.nowMs);
    this.steps.set(id, step);
    if (step.origin === 'stop') this.stops.push(id);
    else if (step.origin !== 'keep') this.fetches.push({ id, atMs: this.nowMs, ...step.origin });
    for (const { to, beat } of step.beats) this.#deliver(id, to, beat);
  }

  #deliver(from: string, to: string, beat: Beat): void {
    for (const answer of this.swarms.get(to)?.hear(from, beat, this.nowMs) ?? []) {
      this.#deliver(to, answer.to, answer.beat);
    }
  }
}

const beat = (extra: Partial<Beat>): Beat => ({
  kind: 'beat',
  have: [],
  complete: false,
  lease: null,
  seat: false,
  passive: false,
  distrusts: false,
  others: [],
  usualRate: 0,
  pulseAgeMs: 0,
  members: [],
  ...extra,
});

describe('Swarm', () => {
  it('lets a node that is alone fetch after a moment of listening', () => {
    const room = new Room(['a']);
    room.run(300);
    expect(room.fetches).toHaveLength(1);
    expect(room.fetches[0]).toMatchObject({ id: 'a', first: 0, end: 4 });
    expect(room.fetches[0]?.atMs).toBeLessThanOrEqual(150);
  });

  it('lets each of four members fetch another run, and no run twice', () => {
    const room = new Room(['a', 'b', 'c', 'd']);
    room.run(1_000);
    expect(new Set(room.fetches.map(({ id }) => id)).size).toBe(4);
    expect(room.fetches.map(({ first }) => first).sort((x, y) => x - y)).toEqual([0, 4, 8, 12]);
    expect(room.stops).toEqual([]);
  });

  it('listens on while other seats answer one after the other, and no longer when they fall silent', () => {
    const room = new Room(['a']);
    const a = room.get('a');
    for (const id of ['b', 'c', 'd']) a.hearInterest(id, room.nowMs);
    for (const id of ['b', 'c']) {
      room.run(1_500);
      a.hear(id, beat({ kind: 'welcome', seat: true }), room.nowMs);
    }
    room.run(1_900);
    expect(room.fetches).toEqual([]);
    room.run(300);
    expect(room.fetches).toHaveLength(1);
  });

  it('takes a member with a seat for one that begins as well only if it was heard of a moment ago', () => {
    const room = new Room(['a', ...Array.from({ length: 20 }, (_, index) => `m${index}`)]);
    const { swarms } = room;
    const [seat, other] = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'].filter((id) => room.get('a').isNewFellow(id, 0));
    expect([...swarms.keys()].filter((id) => id !== 'a' && room.get('a').isNewFellow(id, 0))).toHaveLength(15);
    expect(room.get('a').isNewFellow('nobody', 0)).toBe(false);
    room.get('a').hearInterest(other as string, 2_001);
    expect(room.get('a').isNewFellow(seat as string, 2_001)).toBe(false);
    expect(room.get('a').isNewFellow(other as string, 2_001)).toBe(true);
  });

  it('tells a seat of pieces from neighbours with its beats only', () => {
    const room = new Room(['a', 'b']);
    room.run(500);
    let told = 0;
    for (let piece = 4; piece < 16; piece++) {
      room.get('a').gained([piece], false, room.nowMs);
      for (const untilMs = room.nowMs + 200; room.nowMs < untilMs; room.nowMs += 50) {
        for (const id of ['b', 'a']) room.step(id);
        told += room.steps.get('a')?.beats.filter(({ beat: { have } }) => have.length > 0).length ?? 0;
      }
    }
    expect(told).toBeGreaterThanOrEqual(2);
    expect(told).toBeLessThanOrEqual(4);
  });

  it('asks an owner for a piece as soon as it has told of it', () => {
    const room = new Room(['a', 'b']);
    room.run(500);
    const { id, first } = room.fetches[0] as Fetch;
    room.get(id).gained([first], true, room.nowMs);
    room.step(id);
    const other = id === 'a' ? 'b' : 'a';
    expect(room.get(other).requests(room.nowMs)).toEqual([{ partner: id, first, end: first + 1 }]);
    expect(room.get(other).requests(room.nowMs)).toEqual([]);
  });

  it('goes on for a dead owner within two seconds, behind what that one gave to others', () => {
    const room = new Room(['a', 'b'], 4);
    room.run(500);
    const { id: dead, first } = room.fetches[0] as Fetch;
    const heir = dead === 'a' ? 'b' : 'a';
    room.get(dead).gained([first], true, room.nowMs);
    room.get(dead).originAt((first + 1) * MIB + 5, room.nowMs);
    room.step(dead);
    room.get(heir).gained([first], false, room.nowMs);
    const diedMs = room.nowMs;
    room.swarms.delete(dead);
    room.run(2_500);
    const taken = room.fetches.find(({ id }) => id === heir) as Fetch;
    expect(taken).toMatchObject({ first: first + 1, end: 4 });
    expect(taken.atMs - diedMs).toBeLessThanOrEqual(2_000);
  });

  it('hands over at once when an owner says that it leaves', () => {
    const room = new Room(['a', 'b'], 4);
    room.run(500);
    const { id } = room.fetches[0] as Fetch;
    const heir = id === 'a' ? 'b' : 'a';
    for (const { to, beat: bye } of room.get(id).leave()) room.get(to).hear(id, bye, room.nowMs);
    room.swarms.delete(id);
    room.step(heir);
    expect(room.fetches.at(-1)).toMatchObject({ id: heir, first: 0, end: 4 });
  });

  it('leaves running leases alone when somebody better placed comes late', () => {
    const room = new Room(['a'], 4);
    room.run(500);
    for (let index = 0; index < 20; index++) room.enter(`late-${index}`);
    room.run(2_000);
    expect(room.fetches).toHaveLength(1);
    expect(room.stops).toEqual([]);
  });

  it('does not fetch what a partner has', () => {
    const room = new Room(['a']);
    room.enter('b').gained(Array(16).keys(), false, 0);
    room.run(2_000);
    expect(room.fetches).toEqual([]);
    expect(room.steps.get('a')?.requests ?? []).toEqual([]);
    expect(room.get('a').partners).toEqual(['b']);
  });

  it('fetches nothing while policy forbids it, and leaves all runs to the others', () => {
    const room = new Room(['a', 'b']);
    room.get('a').forbidOrigin(true);
    room.run(1_000);
    expect(room.fetches.map(({ id }) => id)).toEqual(['b']);
  });

  it('believes nothing of a banned member, which learns that it is distrusted', () => {
    const room = new Room(['a', 'b', 'c']);
    room.run(50);
    room.get('a').ban('b', room.nowMs);
    room.get('c').ban('b', room.nowMs);
    room
      .get('a')
      .hear(
        'b',
        beat({ complete: true, lease: { first: 0, end: 4, position: 0, ageMs: 0, takenOver: false } }),
        room.nowMs,
      );
    room.run(1_500);
    expect(
      room
        .get('a')
        .requests(room.nowMs)
        .filter(({ partner }) => partner === 'b'),
    ).toEqual([]);
    expect(room.fetches.filter(({ id }) => id === 'b')).toEqual([]);
    expect(room.fetches.filter(({ id }) => id !== 'b')).toHaveLength(2);
  });

  it('lets one node fetch a file without an anchor, and tells of it only when it is validated', () => {
    const room = new Room(['a', 'b', 'c'], 16, false);
    room.run(1_000);
    expect(room.fetches).toHaveLength(1);
    const { id, end } = room.fetches[0] as Fetch;
    expect(end).toBe(16);
    room.get(id).gained(Array(16).keys(), true, room.nowMs);
    room.step(id);
    const other = id === 'a' ? 'b' : 'a';
    expect(room.get(other).requests(room.nowMs)).toEqual([]);
    room.get(id).validated();
    room.step(id);
    expect(room.get(other).requests(room.nowMs)).not.toEqual([]);
  });

  it('fetches what nobody delivers once its patience is over', () => {
    const room = new Room(['a']);
    const liar = (extra: Partial<Beat>) => room.get('a').hear('liar', beat(extra), room.nowMs);
    liar({ kind: 'welcome', complete: true });
    for (; room.nowMs < 30_000 && room.fetches.length === 0; room.nowMs += 100) {
      liar({ complete: true, pulseAgeMs: 60_000 });
      room.step('a');
      for (const request of room.steps.get('a')?.requests ?? []) room.get('a').answered(request, 'busy', room.nowMs);
    }
    expect(room.fetches).toHaveLength(1);
  });

  it('fetches for itself in time although others had taken over from it, when those are gone', () => {
    const room = new Room(['a', 'b'], 4);
    room.run(6_000);
    const [slow, other] = room.fetches as [Fetch, Fetch];
    expect(room.stops).toEqual([slow.id]);
    room.swarms.delete(other.id);
    room.fetches.length = 0;
    room.run(2 * SWARM_PATIENCE.pulseMs + 1_000);
    expect(room.fetches).toEqual([expect.objectContaining({ id: slow.id, first: 0, end: 4 })]);
  });

  it('asks a partner whose answers fail less and less, and fetches soon what that one said it has', () => {
    const room = new Room(['a']);
    const broken = () => room.get('a').hear('broken', beat({ kind: 'welcome', complete: true }), room.nowMs);
    let asked = 0;
    for (; room.nowMs < 30_000 && room.fetches.length === 0; room.nowMs += 50) {
      broken();
      room.step('a');
      for (const request of room.steps.get('a')?.requests ?? []) {
        asked++;
        room.get('a').answered(request, 'failed', room.nowMs);
        expect(room.get('a').requests(room.nowMs)).toEqual([]);
      }
    }
    expect(room.fetches).toHaveLength(1);
    expect(room.nowMs).toBeLessThan(8_000);
    expect(asked).toBeLessThanOrEqual(8);
  });

  it('asks a busy partner again within two seconds, however long it says', () => {
    const room = new Room(['a']);
    const busy = () => room.get('a').hear('busy', beat({ kind: 'welcome', complete: true }), room.nowMs);
    const asked: number[] = [];
    for (; room.nowMs < 60_000 && room.fetches.length === 0; room.nowMs += 50) {
      busy();
      room.step('a');
      for (const request of room.steps.get('a')?.requests ?? []) {
        asked.push(room.nowMs);
        room.get('a').answered(request, 'busy', room.nowMs, 60_000);
      }
    }
    const pauses = asked.slice(1).map((atMs, index) => atMs - (asked[index] as number));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_050);
    expect(room.fetches).toHaveLength(1);
  });

  it('does not forget how often a partner has refused when that one goes and comes back', () => {
    const room = new Room(['a']);
    let asked = 0;
    for (; room.nowMs < 20_000 && room.fetches.length === 0; room.nowMs += 50) {
      room.get('a').hear('away', beat({ kind: 'welcome', complete: true }), room.nowMs);
      room.step('a');
      for (const request of room.steps.get('a')?.requests ?? []) {
        asked++;
        room.get('a').lost('away', room.nowMs - 1);
        room.get('a').answered(request, 'failed', room.nowMs);
        room.get('a').hear('away', beat({ kind: 'welcome', complete: true }), room.nowMs);
      }
    }
    expect(room.fetches).toHaveLength(1);
    expect(asked).toBeLessThanOrEqual(10);
  });

  describe('waiting for a holder that gives the whole to few at a time', () => {
    /** Lets it refuse a follower for so long, and returns when that one asked the origin. */
    function waitsMs(anchored: boolean, pulseAgeMs: (nowMs: number) => number): number | null {
      const room = new Room(['a'], 64, anchored);
      const a = room.get('a');
      for (; room.nowMs < 200_000 && room.fetches.length === 0; room.nowMs += 50) {
        a.hear('holder', beat({ kind: 'welcome', complete: true, pulseAgeMs: pulseAgeMs(room.nowMs) }), room.nowMs);
        room.step('a');
        for (const request of room.steps.get('a')?.requests ?? []) a.answered(request, 'busy', room.nowMs, 60);
      }
      return room.fetches[0]?.atMs ?? null;
    }

    it('stays in its queue while others are served, but not longer than giving it slowly takes', () => {
      expect(waitsMs(false, () => 300)).toBeGreaterThan(120_000);
      expect(waitsMs(false, () => 300)).toBeLessThan(140_000);
    });

    it('leaves when nobody is served', () => {
      expect(waitsMs(false, (nowMs) => nowMs)).toBeLessThan(20_000);
    });

    it('has no queue where pieces can be proven', () => {
      expect(waitsMs(true, () => 300)).toBeLessThan(20_000);
    });
  });

  it('neither leaves the origin alone nor others for the sake of an answer that is late', () => {
    const room = new Room(['a'], 64);
    const slow = ['slow-1', 'slow-2', 'slow-3', 'slow-4'];
    const a = room.get('a');
    const hear = (id: string) => a.hear(id, beat({ kind: 'welcome', complete: true }), room.nowMs);
    for (; room.nowMs < 20_000; room.nowMs += 100) {
      for (const id of slow) hear(id);
      room.step('a');
    }
    // All that may be asked at once is asked of those who hardly give anything.
    hear('good');
    expect(a.requests(room.nowMs)).toEqual([]);
    expect(room.fetches).toEqual([]);
    a.lost('good', room.nowMs);
    for (; room.nowMs < 32_000; room.nowMs += 100) {
      for (const id of slow) hear(id);
      room.step('a');
    }
    expect(room.fetches).toHaveLength(1);
    hear('good');
    expect(a.requests(room.nowMs).map(({ partner }) => partner)).toContain('good');
  });

  it('believes nothing that a banned member says of others', () => {
    const room = new Room(['a']);
    const a = room.get('a');
    a.hear('bad', beat({ kind: 'welcome' }), 0);
    a.ban('bad', 0);
    const others = [0, 4, 8, 12].map((first) => ({
      ...{ holder: `nobody-${first}`, first, end: first + 4, position: first * MIB },
      ...{ ageMs: 0, takenOver: false, silentMs: 0 },
    }));
    for (; room.nowMs < 2_000; room.nowMs += 100) {
      a.hear('bad', beat({ others }), room.nowMs);
      room.step('a');
    }
    expect(room.fetches).toHaveLength(1);
  });

  it('waits while somebody looks at a whole file without an anchor, but not for ever', () => {
    const room = new Room(['a'], 16, false);
    const other = () => {
      const lease = { first: 0, end: 16, position: 16 * MIB, ageMs: room.nowMs, takenOver: false };
      room.get('a').hear('other', beat({ kind: 'welcome', lease, seat: true }), room.nowMs);
    };
    for (; room.nowMs < 90_000 && room.fetches.length === 0; room.nowMs += 100) {
      other();
      room.step('a');
    }
    expect(room.fetches).toEqual([expect.objectContaining({ first: 0, end: 16 })]);
    expect(room.nowMs).toBeGreaterThan(60_000);
  });

  it('fetches all of a file without an anchor when its owner has stopped in the middle', () => {
    const room = new Room(['a'], 16, false);
    for (; room.nowMs < 10_000 && room.fetches.length === 0; room.nowMs += 100) {
      const lease = { first: 0, end: 16, position: 7 * MIB, ageMs: room.nowMs, takenOver: false };
      room.get('a').hear('other', beat({ kind: 'welcome', lease, seat: true }), room.nowMs);
      room.step('a');
    }
    expect(room.fetches).toEqual([expect.objectContaining({ first: 0, end: 16 })]);
  });

  it('fetches nothing more when all is there and only has to be looked at', () => {
    const room = new Room(['a'], 16, false);
    room.get('a').gained(Array(16).keys(), false, 0);
    for (; room.nowMs < 10_000; room.nowMs += 100) {
      const lease = { first: 0, end: 16, position: 7 * MIB, ageMs: room.nowMs, takenOver: false };
      room.get('a').hear('late', beat({ kind: 'welcome', lease, seat: true }), room.nowMs);
      room.step('a');
    }
    expect(room.fetches).toEqual([]);
  });

  it('fetches for itself at last, although another says that it is at it', () => {
    const room = new Room(['a'], 16, false);
    const other = (position: number) => {
      const lease = { first: 0, end: 16, position, ageMs: room.nowMs, takenOver: false };
      room.get('a').hear('other', beat({ kind: 'welcome', lease, seat: true }), room.nowMs);
    };
    for (; room.nowMs < 2.2 * SWARM_PATIENCE.ownMs && room.fetches.length === 0; room.nowMs += 500) {
      other(room.nowMs);
      room.step('a');
    }
    expect(room.fetches).toHaveLength(1);
    expect(room.fetches[0]?.atMs).toBeGreaterThanOrEqual(SWARM_PATIENCE.ownMs);
    for (const end = room.nowMs + 5_000; room.nowMs < end; room.nowMs += 500) {
      other(room.nowMs);
      room.step('a');
    }
    expect(room.stops).toEqual([]);
  });

  it('has no more partners than it can keep informed, whoever asks', () => {
    const room = new Room(['a']);
    const kinds = ['hello', 'welcome', 'beat'] as const;
    for (let index = 0; index < 300; index++) {
      for (const kind of kinds) room.get('a').hear(`x-${index}`, beat({ kind }), 0);
    }
    // Other seats come on top: a seat has to know them.
    expect(room.get('a').partners.length).toBeLessThanOrEqual(3 * MAX_PARTNERS);
  });
});
