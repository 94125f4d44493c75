import { sample } from '../../../src/core/random.ts';
import type { LanRules } from './simulated-lan.ts';
import { SimulatedSubnet } from './simulated-subnet.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const RESTARTED_PART = 0.05;

/** What an hour on a subnet cost, and how well its nodes know each other after it. */
export interface HourReport {
  readonly scenario: string;
  readonly nodes: number;
  /** Datagrams a node sent in the hour, on average: Hello, Probe, ProbeMatch and mDNS. */
  readonly sentPerNode: number;
  /** The part of them that was mDNS. */
  readonly mdnsSentPerNode: number;
  /** Datagrams that reached a node in the hour, on average. */
  readonly receivedPerNode: number;
  /** The node that knows the fewest usable peers knows this many. */
  readonly fewestUsable: number;
}

/**
 * The life of a subnet, an hour of each part measured:
 * 1. `first-day`: all nodes start within five minutes and know nobody;
 * 2. `working-day`: one node in twenty restarts and remembers its peers;
 * 3. `replaced-machines`: one node in twenty starts anew and knows nobody;
 * 4. `morning`: after a night off, all nodes start within ten minutes with the rosters they kept.
 */
export async function lifeOf(nodes: number, rules: LanRules, seed = 1): Promise<HourReport[]> {
  const subnet = new SimulatedSubnet({ seed, rules });
  startAll(subnet, nodes, 5 * MINUTE_MS);
  const reports = [await measureHour(subnet, 'first-day', nodes)];
  restartSome(subnet, nodes, false);
  reports.push(await measureHour(subnet, 'working-day', nodes));
  restartSome(subnet, nodes, true);
  reports.push(await measureHour(subnet, 'replaced-machines', nodes));
  await subnet.stopAll();
  await subnet.run(12 * HOUR_MS);
  startAll(subnet, nodes, 10 * MINUTE_MS);
  reports.push(await measureHour(subnet, 'morning', nodes));
  await subnet.stopAll();
  return reports;
}

/** The hour after a power cut (`power-returns`): all nodes start within ten seconds and know nobody. */
export async function powerReturns(nodes: number, rules: LanRules, seed = 1): Promise<HourReport> {
  const subnet = new SimulatedSubnet({ seed, rules });
  startAll(subnet, nodes, 10_000);
  const report = await measureHour(subnet, 'power-returns', nodes);
  await subnet.stopAll();
  return report;
}

/** A subnet whose nodes all run and have come to rest. */
export async function settledSubnet(nodes: number, rules: LanRules, seed = 1): Promise<SimulatedSubnet> {
  const subnet = new SimulatedSubnet({ seed, rules });
  startAll(subnet, nodes, 5 * MINUTE_MS);
  await subnet.run(20 * MINUTE_MS);
  return subnet;
}

function startAll(subnet: SimulatedSubnet, nodes: number, withinMs: number): void {
  for (let index = 0; index < nodes; index++) subnet.at(subnet.random() * withinMs, () => subnet.start(index));
}

function restartSome(subnet: SimulatedSubnet, nodes: number, forget: boolean): void {
  const all = Array.from({ length: nodes }, (_, index) => index);
  for (const index of sample(all, Math.round(nodes * RESTARTED_PART), subnet.random)) {
    // Not in the last minute, so that what a restart costs falls into the hour.
    subnet.at(subnet.random() * (HOUR_MS - MINUTE_MS), async () => {
      await subnet.stop(index);
      await subnet.start(index, forget);
    });
  }
}

async function measureHour(subnet: SimulatedSubnet, scenario: string, nodes: number): Promise<HourReport> {
  subnet.lan.takeTraffic();
  await subnet.run(HOUR_MS);
  const { datagrams, mdns } = subnet.lan.takeTraffic();
  const usable = Array.from({ length: nodes }, (_, index) => subnet.rosterOf(index).countUsable());
  return {
    scenario,
    nodes,
    sentPerNode: (datagrams.sent + mdns.sent) / nodes,
    mdnsSentPerNode: mdns.sent / nodes,
    receivedPerNode: (datagrams.received + mdns.received) / nodes,
    fewestUsable: Math.min(...usable),
  };
}
