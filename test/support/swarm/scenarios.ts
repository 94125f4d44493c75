import { SimulatedSwarm } from './simulated-swarm.ts';
import { LAN_BYTES_PER_MS, type SwarmScenario, WAN_BYTES_PER_MS } from './swarm-scenario.ts';

const MIB = 1024 * 1024;

/** A file of 64 MiB, wanted by all within 50 ms, on a quiet network. */
export const CALM: SwarmScenario = {
  name: 'calm',
  nodes: 16,
  size: 64 * MIB,
  pieceSize: MIB,
  anchored: true,
  joinOverMs: 50,
  seed: 1,
  hears: 0.98,
  rosterPart: null,
  deaths: [],
  slow: new Map(),
  bad: new Set(),
  uploadBytesPerMs: LAN_BYTES_PER_MS,
  liars: new Set(),
  killOwnersAtMs: [],
};

/** What came out of a scenario. */
export interface SwarmReport {
  readonly name: string;
  readonly nodes: number;
  /** Living nodes that never got the file. */
  readonly unfinished: number;
  /** Bytes the origin sent, divided by the size of the file. */
  readonly originShare: number;
  readonly originRequests: number;
  /** Bytes of all messages, divided by those of the file on all nodes. */
  readonly controlShare: number;
  /** The last node done, divided by the time the link of the origin needs for one file. */
  readonly lastDone: number;
  readonly p99ToP50: number;
  readonly interests: number;
  readonly beatsPerNode: number;
  /** Nodes that banned somebody. */
  readonly banning: number;
  /** Processor time of the whole run. */
  readonly cpuMs: number;
}

/** Plays a scenario: CALM with these differences. */
export function play(differences: Partial<SwarmScenario>): SwarmReport {
  const scenario = { ...CALM, ...differences };
  const cpu = process.cpuUsage();
  const swarm = new SimulatedSwarm(scenario);
  swarm.run();
  const { user, system } = process.cpuUsage(cpu);
  return reportOf(swarm, (user + system) / 1000);
}

function reportOf(swarm: SimulatedSwarm, cpuMs: number): SwarmReport {
  const { nodes, size, name, liars, bad } = swarm.scenario;
  const judged = swarm.members.filter((it) => it.alive && !liars.has(it.index) && !bad.has(it.index));
  const spans = judged.flatMap(({ doneMs, joinedMs }) => (doneMs === null ? [] : [doneMs - joinedMs]));
  spans.sort((a, b) => a - b);
  const at = (part: number) => spans[Math.min(spans.length - 1, Math.floor(part * spans.length))] ?? Number.NaN;
  return {
    name,
    nodes,
    unfinished: judged.length - spans.length,
    originShare: swarm.origin.sentBytes / size,
    originRequests: swarm.origin.requests,
    controlShare: swarm.controlBytes / (nodes * size),
    lastDone: at(1) / (size / WAN_BYTES_PER_MS),
    p99ToP50: at(0.99) / at(0.5),
    interests: swarm.interests,
    beatsPerNode: swarm.beats / nodes,
    banning: judged.filter(({ banned }) => banned.size > 0).length,
    cpuMs,
  };
}

/** Reports as a table for people. */
export function printReports(reports: readonly SwarmReport[]): string {
  const head = [
    'scenario',
    'nodes',
    'origin/size',
    'requests',
    'control',
    'last done',
    'p99/p50',
    'datagrams',
    'beats/node',
    'cpu s',
  ];
  const rows = reports.map((it) => [
    it.name,
    String(it.nodes),
    it.originShare.toFixed(4),
    String(it.originRequests),
    `${(100 * it.controlShare).toFixed(3)} %`,
    it.lastDone.toFixed(3),
    it.p99ToP50.toFixed(2),
    String(it.interests),
    it.beatsPerNode.toFixed(0),
    (it.cpuMs / 1000).toFixed(1),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] as string).length)),
  );
  return [head, ...rows]
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  '))
    .join('\n');
}
