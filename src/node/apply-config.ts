import type { Cache } from '../cache/cache.ts';
import type { Config } from '../config/config.ts';
import type { OpenJobs } from '../job/open-jobs.ts';
import type { Logger } from '../observe/log.ts';
import type { NodePaths } from '../platform/paths.ts';
import { cacheLimits } from './cache-place.ts';
import type { Origins } from './origins.ts';
import type { PeerSwitch } from './peer-switch.ts';

/** The parts that follow a change of the configuration while the node runs. */
export interface Changing {
  readonly peers: PeerSwitch;
  readonly cache: Cache;
  readonly origins: Origins;
  readonly jobs: OpenJobs;
  readonly paths: NodePaths;
  readonly log: Logger;
  /** Whether the level of the log is the configuration's to set. */
  readonly ownLog: boolean;
}

/** Applies a changed configuration to the running parts. */
export async function applyChange(config: Config, changed: readonly string[], parts: Changing): Promise<void> {
  const { peers, cache, origins, jobs, paths, log } = parts;
  const touches = (prefix: string) => changed.some((key) => key.startsWith(prefix));
  try {
    if (parts.ownLog) log.level = config.log.level;
    if (touches('origin.')) await origins.replace(config.origin);
    if (touches('cache.')) await cache.setLimits(await cacheLimits(config, paths));
    if (touches('jobs.')) await jobs.policyChanged();
    await peers.follow(config, changed);
  } catch (error) {
    log.error({ err: error }, 'the changed configuration could not be applied in full');
  }
}
