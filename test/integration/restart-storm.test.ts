import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { freeUdpPort } from '../support/free-port.ts';
import { loopbackConfig, makeHome } from '../support/node-process.ts';
import { OriginServer } from '../support/origin-server.ts';
import { planJobs } from '../support/storm/plan.ts';
import { RefetchWatch } from '../support/storm/refetch.ts';
import { Storm } from '../support/storm/storm.ts';
import { tempDir } from '../support/temp-dir.ts';

const JOBS = 200;
const KILLS = 30;
const SEED = Number(process.env.STORM_SEED ?? Date.now() % 1_000_000);
/** For each answer: slow enough that kills hit files in their middle. */
const ORIGIN_RATE = 16 * 2 ** 20;

describe('jobs and kill -9', () => {
  it(`${JOBS} jobs outlive ${KILLS} kills: none lost, no byte lost, none completed twice (STORM_SEED=${SEED})`, {
    timeout: 300_000,
  }, async () => {
    const random = seededRandom(SEED);
    await using dir = await tempDir();
    await using origin = await OriginServer.start({ bytesPerSecond: ORIGIN_RATE });
    const config = loopbackConfig(await freeUdpPort(), { jobs: { timeSlice: '1s' } });
    const home = await makeHome(join(dir.path, 'node'), config);
    const plans = planJobs(JOBS, random, origin, dir.path);
    const files = plans.flatMap((plan) => plan.files);
    const refetch = new RefetchWatch(origin, files);
    const storm = new Storm({ home, random, refetch }, plans);

    for (let kill = 0; kill < KILLS; kill++) await storm.liveAndDie(Math.ceil(JOBS / KILLS));
    await storm.liveToTheEnd();
    const { bytesSent, requests } = origin.stats;
    await storm.liveOn();

    expect(storm.wrong).toEqual([]);
    expect(await storm.touched()).toEqual([]);
    expect(refetch.violations).toEqual([]);
    // Every request asks for bytes that are missing, so more than once only those are sent that were on their way.
    const wanted = files.reduce((sum, file) => sum + RangeSet.of(...file.wanted).size, 0);
    expect(bytesSent).toBeLessThanOrEqual(wanted + refetch.atStake);
    expect(origin.stats.requests).toBe(requests);
  });
});
