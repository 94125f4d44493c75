import { afterAll, describe, expect, it } from 'vitest';
import { play, printReports, type SwarmReport } from '../support/swarm/scenarios.ts';
import type { SwarmScenario } from '../support/swarm/swarm-scenario.ts';

// Nothing here waits: the time goes into computing what the nodes do, with the decisions of the product.
const TIMEOUT_MS = 120_000;
/** Messages of all kinds, heads of requests and what every node hears of a datagram to all. */
const MAX_CONTROL = 0.005;

const reports: SwarmReport[] = [];

function run(differences: Partial<SwarmScenario> & { readonly name: string }): SwarmReport {
  const report = play(differences);
  reports.push(report);
  expect(report.unfinished).toBe(0);
  expect(report.controlShare).toBeLessThanOrEqual(MAX_CONTROL);
  return report;
}

afterAll(() => {
  process.stdout.write(`${printReports(reports)}\n`);
});

describe('16 nodes that want 64 MiB at once, behind a link of 100 Mbit/s', () => {
  it('fetch each byte once, and the last is done when the link could have brought one file', () => {
    const report = run({ name: 'at once' });
    expect(report.originShare).toBeLessThanOrEqual(1.01);
    expect(report.lastDone).toBeLessThanOrEqual(1.1);
    expect(report.p99ToP50).toBeLessThanOrEqual(1.1);
  });

  it.each([
    ['that hear six in ten datagrams', { hears: 0.6 }],
    ['where broadcast is filtered and each knows nine in ten of the others', { rosterPart: 0.9 }],
  ])('%s do so too', (name, differences) => {
    const report = run({ name, ...differences });
    expect(report.originShare).toBeLessThanOrEqual(1.05);
    expect(report.lastDone).toBeLessThanOrEqual(1.25);
  });

  it('lose little when three owners die midway', () => {
    const report = run({ name: 'three owners die', killOwnersAtMs: [2_500, 2_700, 2_900] });
    expect(report.originShare).toBeLessThanOrEqual(1.1);
    expect(report.lastDone).toBeLessThanOrEqual(1.25);
  });

  it('do not wait for an owner that is slow', () => {
    const report = run({ name: 'a slow owner', slow: new Map([[3, 30]]) });
    expect(report.originShare).toBeLessThanOrEqual(1.02);
    expect(report.lastDone).toBeLessThanOrEqual(1.25);
  });

  it('all ban one that gives wrong bytes, and fetch again only what it alone had', () => {
    const report = run({ name: 'one gives wrong bytes', bad: new Set([5]) });
    expect(report.banning).toBe(15);
    expect(report.originShare).toBeLessThanOrEqual(1.25);
    expect(report.lastDone).toBeLessThanOrEqual(1.25);
  });

  it('are not kept from their file by one that says it has all and gives nothing', () => {
    expect(run({ name: 'one only pretends', liars: new Set([5]) }).originShare).toBeLessThanOrEqual(1.05);
  });

  it('fetch once also where no piece can be proven, and again when the one who fetches dies', () => {
    expect(run({ name: 'no anchor', anchored: false }).originShare).toBeLessThanOrEqual(1.1);
    const killed = run({ name: 'no anchor, the owner dies', anchored: false, killOwnersAtMs: [2_500] });
    expect(killed.originShare).toBeLessThanOrEqual(1.5);
    expect(killed.originRequests).toBe(2);
  });
});

describe('crowds', { timeout: TIMEOUT_MS }, () => {
  it.each([
    ['200 at once', { nodes: 200 }],
    ['1,000 over a minute', { nodes: 1_000, joinOverMs: 60_000 }],
    ['1,000 over a minute, hearing six in ten', { nodes: 1_000, joinOverMs: 60_000, hears: 0.6 }],
    ['1,000 over a minute, broadcast filtered', { nodes: 1_000, joinOverMs: 60_000, rosterPart: 0.7 }],
  ])('of %s fetch each byte once, at a cost of less than 0.5 % for talking', (name, differences) => {
    const report = run({ name, ...differences });
    expect(report.originShare).toBeLessThanOrEqual(1.02);
    expect(report.lastDone).toBeLessThanOrEqual(1.25);
  });

  it.each([
    ['200 at once, three owners die', { nodes: 200, killOwnersAtMs: [2_500, 2_700, 2_900], seed: 3 }],
    ['200 over ten seconds, every fifth dies', { nodes: 200, joinOverMs: 10_000, deaths: everyFifth(200) }],
    ['200 over ten seconds, twenty are slow', { nodes: 200, joinOverMs: 10_000, slow: slowOnes(20), seed: 5 }],
  ])('of %s stay near one copy, and wait for nobody', (name, differences) => {
    const report = run({ name, ...differences });
    expect(report.originShare).toBeLessThanOrEqual(1.1);
    expect(report.lastDone).toBeLessThanOrEqual(1.5);
  });
});

function everyFifth(nodes: number): { node: number; atMs: number }[] {
  return Array.from({ length: nodes / 5 }, (_, index) => ({ node: 5 * index, atMs: 200 * index }));
}

// 30 KB/s, where an owner usually gets 780.
function slowOnes(count: number): ReadonlyMap<number, number> {
  return new Map(Array.from({ length: count }, (_, index) => [3 * index, 30]));
}
