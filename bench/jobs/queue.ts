import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Caller } from '../../src/core/caller.ts';
import { JobRequest } from '../../src/job/model/view.ts';
import { createNode } from '../../src/node.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { freeUdpPort } from '../../test/support/free-port.ts';
import { loopbackConfig, makeHome, type NodeHome } from '../../test/support/node-process.ts';

const FILES_PER_JOB = 3;
const PRIORITIES = ['HIGH', 'NORMAL', 'LOW'] as const;

/** A node that is not running, with jobs in its queue. */
export interface Queue {
  readonly home: NodeHome;
  readonly ids: readonly string[];
}

/**
 * Makes a node in a new directory and lets its own job service take `count` jobs of three files each, spread over the
 * background priorities. All of them are queued, and one at a time asks the origin.
 */
export async function makeQueue(dir: string, count: number, originUrl: string): Promise<Queue> {
  const home = await makeHome(dir, loopbackConfig(await freeUdpPort()));
  const { NEARBITS_DATA_DIR: dataDir, NEARBITS_CONFIG: configFile, NEARBITS_POLICY: policyFile } = home.env;
  const paths = { dataDir: dataDir as string, configFile: configFile as string, policyFile: policyFile as string };
  await using node = await createNode({ ...paths, log: silentLogger });
  // Administrators are exempt from the limits on the number of jobs.
  const caller: Caller = { name: userInfo().username, administrator: true, folders: null };
  const ids: string[] = [];
  for (let number = 0; number < count; number++) {
    const { id } = await node.backend.jobs.create(caller, requestFor(number, dir, originUrl));
    ids.push(id);
  }
  return { home, ids };
}

function requestFor(number: number, dir: string, originUrl: string): JobRequest {
  const files = Array.from({ length: FILES_PER_JOB }, (_, index) => ({
    remoteUrl: `${originUrl}/packages/job-${number}/file-${index}.bin`,
    localName: join(dir, `job-${number}-file-${index}.bin`),
  }));
  const priority = PRIORITIES[number % PRIORITIES.length] as (typeof PRIORITIES)[number];
  return JobRequest.parse({ displayName: `job ${number}`, priority, files, resume: true });
}
