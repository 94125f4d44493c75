import { join } from 'node:path';
import { Cache } from '../cache/cache.ts';
import type { CacheLimits } from '../cache/limits.ts';
import type { Config } from '../config/config.ts';
import { maxCacheBytes } from '../config/special-keys.ts';
import { diskSpace, ensurePrivateDir } from '../platform/disk.ts';
import type { NodePaths } from '../platform/paths.ts';

/** Opens the cache where the configuration puts it. @throws NearbitsError E_IO */
export async function openCache(
  config: Config,
  paths: NodePaths,
  deps: Parameters<typeof Cache.open>[0],
): Promise<Cache> {
  const dir = cacheDir(config, paths);
  await ensurePrivateDir(dir);
  return Cache.open(deps, { dir, limits: await cacheLimits(config, paths) });
}

function cacheDir(config: Config, paths: NodePaths): string {
  return config.cache.directory ?? join(paths.dataDir, 'cache');
}

/** The limits of the cache in bytes; a percentage counts from the size of its disk. */
export async function cacheLimits(config: Config, paths: NodePaths): Promise<CacheLimits> {
  const { maxSize, maxAgeMs, minFreeBytes } = config.cache;
  const { totalBytes } = await diskSpace(cacheDir(config, paths));
  return { maxBytes: maxCacheBytes(maxSize, totalBytes), maxAgeMs, minFreeBytes };
}
