import { join } from 'node:path';
import { systemClock } from '../../../src/core/clock.ts';
import { createDomain, createInvite, joinDomain } from '../../../src/domain/domain.ts';
import { loadOrCreateIdentity } from '../../../src/peer/identity.ts';
import { freeUdpPort } from '../../support/free-port.ts';
import type { NodeHome } from '../../support/node-process.ts';
import { eventually } from './job-api.ts';
import { JobBench } from './job-bench.ts';

/** Two nodes of one domain that know each other; files lie at the origin of the first. */
export interface Neighbours extends AsyncDisposable {
  readonly first: JobBench;
  readonly second: JobBench;
}

/** Starts both; neither waits for neighbours longer than it needs to. */
export async function openNeighbours(): Promise<Neighbours> {
  const port = await freeUdpPort();
  const config = {
    discovery: { port },
    search: { patience: { foreground: '5s' } },
    serve: { bandwidth: 'unlimited' },
  } as const;
  const invitation = Promise.withResolvers<string>();
  const first = await JobBench.open({
    config,
    before: async ({ env }) => invitation.resolve(await found(dataOf(env))),
  });
  const second = await JobBench.open({
    config,
    before: async ({ env }) => enter(dataOf(env), await invitation.promise),
  });
  for (const { admin } of [first, second]) {
    const knows = async () => (await admin.ask<{ peers: unknown[] }>('GET', '/v1/peers')).peers.length > 0;
    await eventually(knows, () => 'the nodes do not find each other');
  }
  return {
    first,
    second,
    async [Symbol.asyncDispose]() {
      await second[Symbol.asyncDispose]();
      await first[Symbol.asyncDispose]();
    },
  };
}

function dataOf(env: NodeHome['env']): string {
  return env.NEARBITS_DATA_DIR as string;
}

/** Makes a domain and returns an invitation. */
async function found(dataDir: string): Promise<string> {
  const domainDir = join(dataDir, 'domain');
  await createDomain(domainDir, 'conformance', await loadOrCreateIdentity(dataDir), systemClock);
  return (await createInvite(domainDir, systemClock)).token;
}

async function enter(dataDir: string, token: string): Promise<void> {
  await joinDomain(join(dataDir, 'domain'), token, await loadOrCreateIdentity(dataDir), systemClock);
}
