/** The job service with 10,000 jobs of three files in its queue, next to one with 100. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callRows } from './jobs/calls.ts';
import { decisionRows } from './jobs/decisions.ts';
import { makeQueue } from './jobs/queue.ts';
import { startSilentOrigin } from './jobs/silent-origin.ts';
import { startUpRows } from './jobs/start-up.ts';
import { tellingRows } from './jobs/telling.ts';
import type { Row } from './row.ts';

const FEW = 100;
const MANY = 10_000;

export async function run(): Promise<Row[]> {
  const dir = await mkdtemp(join(tmpdir(), 'nearbits-bench-'));
  await using origin = await startSilentOrigin();
  try {
    const [empty, few, many] = [
      await makeQueue(join(dir, 'empty'), 0, origin.url),
      await makeQueue(join(dir, 'few'), FEW, origin.url),
      await makeQueue(join(dir, 'many'), MANY, origin.url),
    ];
    return [
      ...(await startUpRows(many.home, empty.home, `${MANY} jobs`)),
      ...decisionRows(FEW, MANY),
      ...(await callRows(few, many)),
      ...(await tellingRows(few)),
    ];
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
