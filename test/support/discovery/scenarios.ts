import { sample } from '../../../src/core/random.ts';
import type { LanRules, Traffic } from './simulated-lan.ts';
import { SimulatedSubnet } from './simulated-subnet.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const RESTARTED_PART = 0.05;

/** What an hour on a subnet cost, and how well its nodes know each other after it. */
export interface HourReport {
  readonly nodes: number;
  /** Datagrams a node sent in the hour, on average: Hello, Probe, ProbeMatch and mDNS. */
  readonly sentPerNode: number;
  /** The part of them that was mDNS. */
  readonly mdnsSentPerNode: number;
  /** Datagrams that reached a node in the hour, on average. */
  readonly receivedPerNode: number;
  /** The node that knows the fewest peers knows this many usable ones. */
  readonly fewestUsable: number;
}

/** An hour in the life of a subnet. */
export type Scenario = (nodes: number, rules: LanRules, seed?: number) => Promise<HourReport>;

/** New machines: all nodes start within five minutes and know nobody. */
export const firstDay: Scenario = async (nodes, rules, seed = 1) => {
  const subnet = new SimulatedSubnet({ seed, rules });
  startAll(subnet, nodes, 5 * MINUTE_MS);
  return await hour(subnet, nodes);
};

/** Power returns: all nodes start within ten seconds and know nobody. */
export const powerReturns: Scenario = async (nodes, rules, seed = 1) => {
  const subnet = new SimulatedSubnet({ seed, rules });
  startAll(subnet, nodes, 10_000);
  return await hour(subnet, nodes);
};

/** A working day: every node runs; one in twenty restarts within the hour and remembers its peers. */
export const workingDay: Scenario = (nodes, rules, seed = 1) => restarts(nodes, rules, seed, false);

/** Machines are replaced: every node runs; one in twenty starts anew within the hour and knows nobody. */
export const replacedMachines: Scenario = (nodes, rules, seed = 1) => restarts(nodes, rules, seed, true);

/** The morning: all nodes ran the day before, were off, and start within ten minutes with the rosters they kept. */
export const morning: Scenario = async (nodes, rules, seed = 1) => {
  const subnet = await warm(nodes, rules, seed);
  await subnet.stopAll();
  await subnet.run(12 * HOUR_MS);
  startAll(subnet, nodes, 10 * MINUTE_MS);
  return await hour(subnet, nodes);
};

/** Every scenario by name. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'first-day': firstDay,
  'power-returns': powerReturns,
  'working-day': workingDay,
  'replaced-machines': replacedMachines,
  morning,
};

/** A subnet whose nodes all run and have come to rest. */
export async function warm(nodes: number, rules: LanRules, seed: number): Promise<SimulatedSubnet> {
  const subnet = new SimulatedSubnet({ seed, rules });
  startAll(subnet, nodes, 5 * MINUTE_MS);
  await subnet.run(20 * MINUTE_MS);
  return subnet;
}

async function restarts(nodes: number, rules: LanRules, seed: number, forget: boolean): Promise<HourReport> {
  const subnet = await warm(nodes, rules, seed);
  const all = Array.from({ length: nodes }, (_, index) => index);
  for (const index of sample(all, Math.round(nodes * RESTARTED_PART), subnet.random)) {
    subnet.at(subnet.random() * (HOUR_MS - MINUTE_MS), async () => {
      await subnet.stop(index);
      await subnet.start(index, forget);
    });
  }
  return await hour(subnet, nodes);
}

function startAll(subnet: SimulatedSubnet, nodes: number, withinMs: number): void {
  for (let index = 0; index < nodes; index++) subnet.at(subnet.random() * withinMs, () => subnet.start(index));
}

async function hour(subnet: SimulatedSubnet, nodes: number): Promise<HourReport> {
  subnet.lan.takeTraffic();
  await subnet.run(HOUR_MS);
  const { datagrams, mdns } = subnet.lan.takeTraffic();
  const usable = Array.from({ length: nodes }, (_, index) => subnet.rosterOf(index).countUsable());
  await subnet.stopAll();
  return {
    nodes,
    sentPerNode: (datagrams.sent + mdns.sent) / nodes,
    mdnsSentPerNode: mdns.sent / nodes,
    receivedPerNode: receivedBy(datagrams, mdns) / nodes,
    fewestUsable: Math.min(...usable),
  };
}

function receivedBy(...traffic: readonly Traffic[]): number {
  return traffic.reduce((sum, { received }) => sum + received, 0);
}
