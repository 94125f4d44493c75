import { describe, expect, it } from 'vitest';
import { type HourReport, lifeOf, powerReturns, settledSubnet } from '../support/discovery/scenarios.ts';
import type { LanRules } from '../support/discovery/simulated-lan.ts';
import { WIRED } from '../support/discovery/simulated-subnet.ts';

const MINUTE = 60_000;
const BROADCAST_FILTERED: LanRules = { ...WIRED, broadcast: false };
const MDNS_FILTERED: LanRules = { ...WIRED, mdns: false };
const WIRELESS: LanRules = { ...WIRED, latencyMs: [1, 40], loss: 0.05 };

// Nothing here waits: the time goes into computing what hundreds of nodes do in hours.
const TIMEOUT_MS = 600_000;

// The bar of the design: at 500 nodes at most twice the datagrams per node of 20 nodes, mDNS counted.
describe('what discovery costs a node stays flat as the subnet grows', () => {
  it('to 500 nodes, from the first day to a morning after', { timeout: TIMEOUT_MS }, async () => {
    expectFlat(await lifeOf(20, WIRED), await lifeOf(500, WIRED));
  });

  it.each([
    ['where broadcast is filtered', BROADCAST_FILTERED],
    ['where mDNS is filtered', MDNS_FILTERED],
    ['where datagrams are slow and get lost', WIRELESS],
  ])('%s', { timeout: TIMEOUT_MS }, async (_, rules) => {
    expectFlat(await lifeOf(20, rules), await lifeOf(120, rules));
  });

  it('when power returns and all start at once', { timeout: TIMEOUT_MS }, async () => {
    expectFlat([await powerReturns(20, WIRED)], [await powerReturns(200, WIRED)]);
  });

  it('and comes to rest where there are too few nodes for anybody to have enough', async () => {
    const subnet = await settledSubnet(3, WIRED);
    await subnet.run(4 * 60 * MINUTE);
    subnet.lan.takeTraffic();
    await subnet.run(60 * MINUTE);
    const { datagrams, mdns } = subnet.lan.takeTraffic();
    // One discovery per node and hour: a Probe with two answers, an mDNS question with three.
    expect((datagrams.sent + mdns.sent) / 3).toBeLessThanOrEqual(7);
    await subnet.stopAll();
  });
});

describe('a newcomer on a subnet of 60', () => {
  const newcomer = 60;

  it.each([
    ['that filters nothing', WIRED],
    ['where only mDNS passes', BROADCAST_FILTERED],
    ['where only broadcast passes', MDNS_FILTERED],
    ['where datagrams are slow and get lost', WIRELESS],
  ])('%s finds enough peers within ten seconds and is found', async (_, rules) => {
    const subnet = await settledSubnet(newcomer, rules, 3);
    await subnet.start(newcomer);
    await subnet.run(10_000);
    expect(subnet.rosterOf(newcomer).countUsable()).toBeGreaterThanOrEqual(10);
    const knows = (index: number) => subnet.rosterOf(index).get(subnet.nodeIdOf(newcomer)) !== undefined;
    const knownBy = Array.from({ length: newcomer }, (_unused, index) => index).filter(knows);
    expect(knownBy.length).toBeGreaterThanOrEqual(0.8 * newcomer);
    await subnet.stopAll();
  });
});

it('a Probe is answered by about ten nodes of two hundred', async () => {
  const subnet = await settledSubnet(200, MDNS_FILTERED, 3);
  subnet.lan.takeTraffic();
  await subnet.start(200);
  await subnet.run(30_000);
  const { datagrams } = subnet.lan.takeTraffic();
  // A Hello, a Probe and the answers.
  expect(datagrams.sent).toBeGreaterThanOrEqual(12);
  expect(datagrams.sent).toBeLessThanOrEqual(24);
  await subnet.stopAll();
});

function expectFlat(small: readonly HourReport[], large: readonly HourReport[]): void {
  for (const [index, report] of large.entries()) {
    expect(report.sentPerNode, report.scenario).toBeLessThanOrEqual(2 * (small[index]?.sentPerNode ?? 0));
    expect(report.fewestUsable, report.scenario).toBeGreaterThanOrEqual(10);
  }
}
