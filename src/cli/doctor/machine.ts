import { readFile, stat } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { maxCacheBytes } from '../../config/special-keys.ts';
import { toNearbitsError } from '../../core/errors.ts';
import { printBytes } from '../../core/units.ts';
import { CLOCK_SKEW_MS } from '../../domain/names.ts';
import { chooseInterfaces, missingInterfaces } from '../../peer/discovery/interfaces.ts';
import { diskSpace, ensurePrivateDir } from '../../platform/disk.ts';
import { type Check, fail, pass, warn } from './check.ts';

/** Whether Node.js is new enough. */
export const checkRuntime: Check = async () => {
  const manifest = new URL('../../../package.json', import.meta.url);
  const { engines } = JSON.parse(await readFile(manifest, 'utf8')) as { engines: { node: string } };
  const [major = 0, minor = 0] = engines.node.replace('>=', '').split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number);
  const isEnough = ownMajor > major || (ownMajor === major && ownMinor >= minor);
  const text = `Node.js ${process.version}`;
  return [isEnough ? pass('runtime', text) : fail('runtime', `${text} is too old`, `Install Node.js ${engines.node}.`)];
};

/** Whether the data directory can be written, and is closed to others. */
export const checkDataDir: Check = async ({ paths: { dataDir } }) => {
  const name = 'data directory';
  try {
    await ensurePrivateDir(dataDir);
  } catch (error) {
    const next = `Make ${dataDir} writable for this user, or name another with NEARBITS_DATA_DIR.`;
    return [fail(name, `${dataDir}: ${toNearbitsError(error).message}`, next)];
  }
  const { mode } = await stat(dataDir);
  const isOpen = process.platform !== 'win32' && (mode & 0o022) !== 0;
  if (isOpen) return [warn(name, `${dataDir} can be written by other users`, `Run: chmod go-w ${dataDir}`)];
  return [pass(name, `${dataDir} is writable`)];
};

/** Whether the disk has room for what the cache may hold. */
export const checkDisk: Check = async ({ paths, config }) => {
  const name = 'disk space';
  const dir = config?.cache.directory ?? paths.dataDir;
  try {
    const { totalBytes, freeBytes } = await diskSpace(dir);
    const text = `${printBytes(freeBytes)} of ${printBytes(totalBytes)} free at ${dir}`;
    if (config === null) return [pass(name, text)];
    const { maxSize, minFreeBytes } = config.cache;
    const limit = printBytes(maxCacheBytes(maxSize, totalBytes));
    const next = 'Free some space, or set cache.minFree lower.';
    if (freeBytes <= minFreeBytes) return [fail(name, `${text}, less than cache.minFree: nothing can be kept`, next)];
    return [pass(name, `${text}; the cache may hold ${limit}`)];
  } catch (error) {
    return [
      fail(name, `${dir}: ${toNearbitsError(error).message}`, 'Create the directory, or change cache.directory.'),
    ];
  }
};

/** Whether the clock stands before what was written on this machine: then certificates of neighbours are refused. */
export const checkClock: Check = async ({ paths, clock }) => {
  const name = 'clock';
  const nowMs = clock.wallMs();
  const now = new Date(nowMs).toISOString();
  for (const path of [join(paths.dataDir, 'domain', 'node.pem'), paths.dataDir, paths.configFile, paths.policyFile]) {
    const writtenMs = (await stat(path).catch(() => null))?.mtimeMs ?? 0;
    if (writtenMs <= nowMs + CLOCK_SKEW_MS) continue;
    const text = `it says ${now}, but ${path} was written on ${new Date(writtenMs).toISOString()}`;
    return [fail(name, text, 'Set the clock; with systemd: timedatectl set-ntp true.')];
  }
  return [pass(name, now)];
};

/** Whether there is a subnet on which neighbours can be found. */
export const checkInterfaces: Check = async ({ config }) => {
  const name = 'discovery';
  if (config === null) return [];
  const { discovery } = config;
  if (!discovery.enabled) {
    if (discovery.staticPeers.length > 0)
      return [pass(name, `off; ${discovery.staticPeers.length} neighbours are named`)];
    return [
      warn(name, 'off, and no neighbours are named', 'Set discovery.enabled: true, or name some in discovery.static.'),
    ];
  }
  const machine = networkInterfaces();
  const chosen = chooseInterfaces(machine, discovery.interfaces);
  const missing = missingInterfaces(machine, discovery.interfaces);
  const findings = missing.map((wanted) =>
    warn(
      name,
      `this machine has no interface ${wanted}`,
      'Correct discovery.interfaces; it is used as soon as it is there.',
    ),
  );
  if (chosen.length === 0) {
    return [
      ...findings,
      fail(
        name,
        'no interface with an IPv4 subnet to look for neighbours',
        'Connect to a network, or name neighbours in discovery.static.',
      ),
    ];
  }
  return [...findings, pass(name, chosen.map((lan) => `${lan.name} ${lan.address}`).join(', '))];
};
