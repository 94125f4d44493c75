import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { createDomain, createInvite, joinDomain } from '../../src/domain/domain.ts';
import { loadOrCreateIdentity } from '../../src/peer/identity.ts';
import type { NodeHome } from './node-process.ts';

/** Makes the nodes of these homes members of a new domain; the same as the commands do, in a hundredth of their time. */
export async function makeMembers(domain: string, homes: readonly NodeHome[]): Promise<void> {
  let token: string | null = null;
  for (const { env } of homes) {
    const dataDir = env.NEARBITS_DATA_DIR as string;
    const dir = join(dataDir, 'domain');
    const identity = await loadOrCreateIdentity(dataDir);
    if (token === null) {
      await createDomain(dir, domain, identity, systemClock);
      token = (await createInvite(dir, systemClock)).token;
    } else {
      await joinDomain(dir, token, identity, systemClock);
    }
  }
}
