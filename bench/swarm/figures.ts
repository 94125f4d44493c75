import { availableParallelism } from 'node:os';
import { percentile } from '../pair.ts';
import type { Row } from '../row.ts';
import type { Finisher, RaceResult } from './race.ts';

const MIB = 1024 ** 2;
/** More memory than when idle, while a swarm works; in MiB. */
const BAR_GROWTH_MIB = 70;
const BAR_IDLE_MIB = 130;

/** What a race is held to; what is left out is only told. */
export interface Bars {
  /** Bytes from the origin, in sizes of the file. */
  readonly origin: number;
  /** Until the last node had the file, in times that one download alone needs. */
  readonly last?: number;
  /** p99 of the times of all nodes, in p50. */
  readonly spread?: number;
}

/** What the machine and the link are able to do. */
export interface Surroundings {
  /** Bytes of a file that arrive through the link in a second. */
  readonly wanBytesPerSecond: number;
  /** Highest memory of a node that has nothing to do. */
  readonly idleBytes: number;
}

/** The figures of a race, each with the bar it has to keep. */
export function raceRows(
  title: string,
  result: RaceResult,
  bars: Bars,
  { wanBytesPerSecond, idleBytes }: Surroundings,
): Row[] {
  const { bytes, finishers } = result;
  const seconds = finishers.map((finisher) => finisher.seconds);
  const [p50, p99, last] = [percentile(seconds, 0.5), percentile(seconds, 0.99), Math.max(...seconds)];
  const right = finishers.filter(({ isRight }) => isRight).length;
  const ordinary = finishers.filter(({ member }) => member.isOrdinary);
  const cpu = ordinary.map(({ cpuSeconds }) => cpuSeconds);
  const peak = Math.max(...ordinary.map(({ peakBytes }) => peakBytes)) / MIB;
  return [
    held(`${title}: origin bytes`, result.originBytes / bytes, 'x file', bars.origin),
    { name: '  requests at the origin', value: result.originRequests, unit: '' },
    held('  last node done', (last * wanBytesPerSecond) / bytes, 'x size / WAN rate', bars.last),
    { name: '  p50', value: p50, unit: 's' },
    { name: '  p99', value: p99, unit: 's' },
    held('  p99 / p50', p99 / p50, '', bars.spread),
    allRow('  nodes whose file is right', right, finishers.length),
    { name: '  processor time, each node, mean', value: sum(cpu) / cpu.length, unit: 's' },
    { name: '  processor time, all nodes', value: (sum(cpu) * 1e9) / (bytes * cpu.length), unit: 's/GB received' },
    {
      name: '  of what this computer had until the last was done',
      value: (100 * sum(cpu)) / (last * availableParallelism()),
      unit: '%',
    },
    held('  memory (RSS), highest peak', peak, 'MiB', idleBytes / MIB + BAR_GROWTH_MIB),
    ...trafficRows(finishers, bytes),
  ];
}

/** Memory of nodes that have nothing to do. */
export function idleRow(idleBytes: number): Row {
  return held('memory (RSS) of an idle node, highest', idleBytes / MIB, 'MiB', BAR_IDLE_MIB);
}

/** A figure that should not be above `bar`. */
export function held(name: string, value: number, unit: string, bar?: number): Row {
  if (bar === undefined) return { name, value, unit };
  const verdict = value <= bar ? 'ok' : 'MISSED';
  return { name, value, unit, vs: `bar ${Number(bar.toPrecision(3))}: ${verdict}`, ratio: value / bar };
}

/** A figure that all nodes have to share. */
export function allRow(name: string, value: number, all: number): Row {
  return { name, value, unit: `of ${all}`, vs: value === all ? 'ok' : 'MISSED' };
}

function trafficRows(finishers: readonly Finisher[], bytes: number): Row[] {
  const seen = finishers.flatMap(({ traffic }) => (traffic === null ? [] : [traffic]));
  if (seen.length === 0) return [];
  const share = (pick: 'control' | 'content') => sum(seen.map((traffic) => traffic[pick])) / (bytes * seen.length);
  return [
    {
      name: '  messages received, discovery and all headers included',
      value: 100 * share('control'),
      unit: '% of content',
    },
    { name: '  received by and from content servers', value: share('content'), unit: 'x file' },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
