/** What one decision about the next job costs when few and when many jobs wait. */
import { type Level, Schedule } from '../../src/plan/schedule.ts';
import { percentile } from '../pair.ts';
import type { Row } from '../row.ts';

const DECISIONS = 20_000;
/** Measured rounds after one that is not; both sizes take turns. */
const ROUNDS = 9;
const SLICE_MS = 1000;
const LEVELS: readonly Level[] = ['HIGH', 'NORMAL', 'LOW'];

/** Measures both sizes; the larger one is compared with the smaller. */
export function decisionRows(few: number, many: number): Row[] {
  const times = { few: [] as number[], many: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = { few: microsecondsPerDecision(few), many: microsecondsPerDecision(many) };
    if (round === 0) continue;
    times.few.push(pair.few);
    times.many.push(pair.many);
  }
  const small = percentile(times.few, 0.5);
  const large = percentile(times.many, 0.5);
  const name = 'jobs: scheduling decision, one job makes room for the next,';
  return [
    { name: `${name} ${few} wait`, value: small, unit: 'us' },
    { name: `${name} ${many} wait`, value: large, unit: 'us', vs: `${few} jobs`, ratio: large / small },
  ];
}

// Each decision comes at the end of a slice, so that each one preempts a job and starts another.
function microsecondsPerDecision(jobs: number): number {
  const schedule = new Schedule({ sliceMs: SLICE_MS });
  for (let number = 0; number < jobs; number++) schedule.add(`job ${number}`, LEVELS[number % LEVELS.length] as Level);
  schedule.decide(0);
  const startMs = performance.now();
  for (let turn = 1; turn <= DECISIONS; turn++) {
    const { start, preempt } = schedule.decide(turn * SLICE_MS);
    if (start.length !== 1 || preempt.length !== 1) throw new Error('the jobs did not take turns');
  }
  return ((performance.now() - startMs) * 1000) / DECISIONS;
}
