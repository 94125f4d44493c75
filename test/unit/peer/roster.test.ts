import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import type { NodeEventBody } from '../../../src/observe/events.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { Roster, type RosterOptions } from '../../../src/peer/roster.ts';
import type { RosterTable } from '../../../src/peer/roster-store.ts';
import { MemoryTable } from '../../support/memory-table.ts';
import { testNodeId } from '../../support/node-ids.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const A = testNodeId(1);
const B = testNodeId(2);

async function openRoster(options: RosterOptions = {}, table: RosterTable | null = null, clock = new ManualClock()) {
  const events: NodeEventBody[] = [];
  const emit = (event: NodeEventBody) => void events.push(event);
  const roster = await Roster.open({ table, clock, log: silentLogger, emit }, options);
  const removals = () => events.flatMap((event) => (event.type === 'peer.removed' ? [event.reason] : []));
  return { roster, clock, events, removals };
}

const hintOf = (nodeId = A, host = '10.0.0.5', more: { port?: number; instance?: number } = {}) => ({
  nodeId,
  host,
  port: 21780,
  via: 'hello' as const,
  ...more,
});

describe('what a roster takes in', () => {
  it('keeps a hint as an unauthenticated peer and tells about it once', async () => {
    const { roster, events } = await openRoster();
    expect(roster.hint(hintOf())).toBe(true);
    expect(roster.hint(hintOf())).toBe(true);
    expect(roster.entries()).toMatchObject([{ nodeId: A, authenticatedUntilMs: null, available: true, failures: 0 }]);
    expect(events).toEqual([{ type: 'peer.added', nodeId: A, via: 'hello' }]);
  });

  it.each([
    ['a port out of range', '10.0.0.5', 0],
    ['a port too large', '10.0.0.5', 65_536],
    ['a name', 'host.example', 1],
    ['a multicast address', '239.1.2.3', 1],
    ['the limited broadcast address', '255.255.255.255', 1],
    ['the unspecified address', '0.0.0.0', 1],
    ['an IPv6 group', 'ff02::c', 1],
  ])('refuses %s', async (_, host, port) => {
    const { roster } = await openRoster();
    expect(roster.hint(hintOf(A, host, { port }))).toBe(false);
    expect(roster.size).toBe(0);
  });

  it('keeps at most four addresses and never the loss of the one that works', async () => {
    const { roster } = await openRoster();
    roster.contacted(A, { authenticatedUntilMs: Number.MAX_SAFE_INTEGER, host: '10.0.0.5', port: 21780 });
    for (let host = 10; host < 20; host++) roster.hint(hintOf(A, `10.0.0.${host}`, { instance: host }));
    const hosts = roster.get(A)?.addresses.map((address) => address.host);
    expect(hosts).toEqual(['10.0.0.5', '10.0.0.19', '10.0.0.18', '10.0.0.17']);
  });

  it('puts the address in front that a contact proved', async () => {
    const { roster } = await openRoster();
    roster.hint(hintOf(A, '10.0.0.5'));
    roster.hint(hintOf(A, '10.0.0.6'));
    roster.contacted(A, { authenticatedUntilMs: Number.MAX_SAFE_INTEGER, host: '10.0.0.6', port: 21780 });
    expect(roster.get(A)?.addresses.map((address) => address.host)).toEqual(['10.0.0.6', '10.0.0.5']);
  });

  it('takes an unknown member in only with its address', async () => {
    const { roster } = await openRoster();
    expect(roster.contacted(A, { authenticatedUntilMs: Number.MAX_SAFE_INTEGER })).toBe(false);
    expect(roster.contacted(A, { authenticatedUntilMs: Number.MAX_SAFE_INTEGER, host: '10.0.0.5', port: 21780 })).toBe(
      true,
    );
    expect(roster.usable()).toHaveLength(1);
  });
});

describe('how a peer leaves', () => {
  it('at once when authentication fails, and hints are ignored until it restarts or ten minutes passed', async () => {
    const { roster, clock, removals } = await openRoster();
    roster.hint(hintOf(A, '10.0.0.5', { instance: 1 }));
    roster.failed(A, 'E_PEER_UNAUTHENTICATED');
    expect(removals()).toEqual(['unauthenticated']);
    expect(roster.hint(hintOf(A, '10.0.0.5', { instance: 1 }))).toBe(false);
    expect(roster.hint(hintOf(A, '10.0.0.5', { instance: 2 }))).toBe(true);
    roster.failed(A, 'E_CERTIFICATE');
    clock.advance(10 * MINUTE);
    expect(roster.hint(hintOf(A, '10.0.0.5', { instance: 2 }))).toBe(true);
  });

  it('and is taken back when the membership of this node changed', async () => {
    const { roster } = await openRoster();
    roster.hint(hintOf(A));
    roster.failed(A, 'E_PEER_UNAUTHENTICATED');
    expect(roster.hint(hintOf(A))).toBe(false);
    roster.forgive();
    expect(roster.hint(hintOf(A))).toBe(true);
  });

  it('after three failures over half an hour, not after a short outage', async () => {
    const { roster, clock, removals } = await openRoster();
    roster.hint(hintOf());
    for (let failure = 0; failure < 5; failure++) roster.failed(A, 'E_PEER_UNREACHABLE');
    expect(removals()).toEqual([]);
    clock.advance(30 * MINUTE);
    roster.sweep();
    expect(removals()).toEqual(['offline']);
  });

  it('stays when it was only busy or when we gave up', async () => {
    const { roster } = await openRoster();
    roster.hint(hintOf());
    roster.failed(A, 'E_PEER_BUSY');
    roster.failed(A, 'E_CANCELLED');
    expect(roster.get(A)).toMatchObject({ available: true, failures: 0 });
  });

  it('loses an address nobody confirmed for seven days, and goes with the last one', async () => {
    const { roster, clock, removals } = await openRoster();
    roster.hint(hintOf(A, '10.0.0.5'));
    clock.advance(4 * DAY);
    roster.hint(hintOf(A, '10.0.0.6'));
    clock.advance(4 * DAY);
    roster.sweep();
    expect(roster.get(A)?.addresses.map((address) => address.host)).toEqual(['10.0.0.6']);
    clock.advance(4 * DAY);
    roster.sweep();
    expect(removals()).toEqual(['expired']);
  });
});

describe('who is worth asking', () => {
  it('lets a failed peer rest, longer each time, up to ten minutes', async () => {
    const { roster, clock } = await openRoster({ offlineMs: DAY });
    roster.hint(hintOf());
    const rests: number[] = [];
    for (let failure = 0; failure < 10; failure++) {
      roster.failed(A, 'E_PEER_TIMEOUT');
      let rest = 0;
      for (; roster.countUsable() === 0; rest += 5_000) clock.advance(5_000);
      rests.push(rest);
    }
    expect(rests.slice(0, 4)).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(Math.max(...rests)).toBe(600_000);
  });

  it('gives a peer that restarted or moved a fresh chance at once', async () => {
    const { roster } = await openRoster();
    roster.hint(hintOf(A, '10.0.0.5', { instance: 1 }));
    roster.failed(A, 'E_PEER_UNREACHABLE');
    roster.hint(hintOf(A, '10.0.0.5', { instance: 1 }));
    expect(roster.usable()).toEqual([]);
    roster.hint(hintOf(A, '10.0.0.5', { instance: 2 }));
    expect(roster.usable()).toHaveLength(1);
  });

  it('offers authenticated peers first and forgets a proof when it runs out', async () => {
    const { roster, clock } = await openRoster();
    roster.contacted(B, { authenticatedUntilMs: clock.wallMs() + MINUTE, host: '10.0.0.6', port: 21780 });
    clock.advance(1);
    roster.hint(hintOf(A));
    expect(roster.usable().map((entry) => entry.nodeId)).toEqual([B, A]);
    clock.advance(MINUTE);
    expect(roster.usable().map((entry) => entry.authenticatedUntilMs)).toEqual([null, null]);
  });

  it('tells which hosts are near or known, and where a peer can be reached now', async () => {
    const { roster } = await openRoster();
    roster.attach((host) => host.startsWith('10.9.'));
    roster.hint(hintOf(A, '10.0.0.5'));
    roster.hint(hintOf(A, '10.9.0.5'));
    roster.hint({ ...hintOf(B, '10.7.0.1'), via: 'static' });
    expect([roster.isOnSubnet('10.9.0.77'), roster.isOnSubnet('10.7.0.1')]).toEqual([true, false]);
    expect([roster.knowsHost('10.7.0.1'), roster.knowsHost('10.0.0.5'), roster.knowsHost('10.9.0.77')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(roster.addressesOf(A).map(({ host }) => host)).toEqual(['10.9.0.5']);
    expect(roster.addressesOf(B).map(({ host }) => host)).toEqual(['10.7.0.1']);
    expect(roster.addressesOf(testNodeId(3))).toEqual([]);
  });

  it('offers only peers on an attached subnet, or given by the static list, and keeps the others', async () => {
    const { roster } = await openRoster();
    roster.hint(hintOf(A, '10.0.0.5'));
    roster.hint({ ...hintOf(B, '192.168.7.9'), via: 'static' });
    roster.attach((host) => host.startsWith('10.9.'));
    expect(roster.usable().map((entry) => entry.nodeId)).toEqual([B]);
    expect(roster.size).toBe(2);
  });
});

describe('a full roster', () => {
  const fill = async (size: number) => {
    const opened = await openRoster({ maxEntries: size });
    for (let index = 0; index < size; index++)
      opened.roster.hint(hintOf(testNodeId(100 + index), `10.0.1.${index + 1}`));
    return opened;
  };

  it('never grows, and a flood neither pushes out members nor turns the rest over', async () => {
    const { roster, clock } = await fill(20);
    for (let index = 0; index < 5; index++) {
      roster.contacted(testNodeId(100 + index), { authenticatedUntilMs: Number.MAX_SAFE_INTEGER });
    }
    const before = new Set(roster.entries().map((entry) => entry.nodeId));
    for (let second = 0; second < 300; second++) {
      clock.advance(1_000);
      for (let each = 0; each < 10; each++) roster.hint(hintOf(testNodeId(10_000 + second * 10 + each), '10.0.9.9'));
      expect(roster.size).toBeLessThanOrEqual(20);
    }
    const left = roster.entries().filter((entry) => before.has(entry.nodeId));
    expect(roster.entries().filter((entry) => entry.authenticatedUntilMs !== null)).toHaveLength(5);
    // The flood comes from one host: after its first place it can only take its own.
    expect(left.length).toBeGreaterThanOrEqual(18);
  });

  it('replaces a peer that failed by one that was heard of', async () => {
    const { roster, clock } = await fill(3);
    clock.advance(MINUTE);
    roster.hint(hintOf(A));
    roster.failed(testNodeId(101), 'E_PEER_UNREACHABLE');
    expect(roster.hint(hintOf(B))).toBe(true);
    expect(roster.get(testNodeId(101))).toBeUndefined();
  });

  it('makes room for a member at once', async () => {
    const { roster } = await fill(3);
    expect(roster.contacted(A, { authenticatedUntilMs: Number.MAX_SAFE_INTEGER, host: '10.0.0.5', port: 21780 })).toBe(
      true,
    );
    expect(roster.size).toBe(3);
  });
});

describe('over a restart', () => {
  it('remembers peers and proofs, and gives failed ones a fresh chance', async () => {
    const table = new MemoryTable();
    const { roster, clock } = await openRoster({}, table);
    roster.hint(hintOf(A));
    roster.contacted(B, { authenticatedUntilMs: clock.wallMs() + DAY, host: '10.0.0.6', port: 21780 });
    roster.failed(A, 'E_PEER_UNREACHABLE');
    await roster.close();
    const again = await openRoster({}, table, clock);
    expect(again.roster.usable()).toMatchObject([
      { nodeId: B, authenticatedUntilMs: clock.wallMs() + DAY },
      { nodeId: A },
    ]);
    expect(again.events).toEqual([]);
  });

  it('forgets what was removed and what lies over a smaller limit', async () => {
    const table = new MemoryTable();
    const { roster } = await openRoster({}, table);
    for (let index = 0; index < 5; index++) roster.hint(hintOf(testNodeId(index), `10.0.0.${index + 1}`));
    roster.failed(testNodeId(0), 'E_CERTIFICATE');
    await roster.close();
    expect(table.records.size).toBe(4);
    const again = await openRoster({ maxEntries: 2 }, table);
    await again.roster.close();
    expect(again.roster.size).toBe(2);
    expect(table.records.size).toBe(2);
  });

  it('reads times of a clock that was set back as now', async () => {
    const table = new MemoryTable();
    const { roster, clock } = await openRoster({}, table);
    roster.hint(hintOf(A));
    await roster.close();
    const past = new ManualClock(clock.wallMs() - 365 * DAY);
    const again = await openRoster({}, table, past);
    expect(again.roster.get(A)?.lastSeenMs).toBe(past.wallMs());
  });

  it('clears everything, also in the store', async () => {
    const table = new MemoryTable();
    const { roster, removals } = await openRoster({}, table);
    roster.hint(hintOf(A));
    roster.clear();
    await roster.close();
    expect(removals()).toEqual(['cleared']);
    expect(table.records.size).toBe(0);
  });
});
