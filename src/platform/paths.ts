import { createHash } from 'node:crypto';
import { posix, win32 } from 'node:path';
import type { PlatformFacts } from './facts.ts';

/** Where one node keeps its things; all paths are absolute. */
export interface NodePaths {
  /** Identity, domain membership, index and cached content. */
  readonly dataDir: string;
  /** Preferences of the person or service that runs the node. */
  readonly configFile: string;
  /** The administrator's overrides; the same file for every user of the machine. */
  readonly policyFile: string;
  /** Unix socket of the local API, or the name of the pipe on Windows. */
  readonly socketPath: string;
}

/** Paths a caller names; they win over the environment, which wins over the system's habits. */
export type PathOverrides = { readonly [Key in keyof NodePaths]?: string | undefined };

/**
 * Decides all paths. Order: `overrides`, then NEARBITS_DATA_DIR, NEARBITS_CONFIG, NEARBITS_POLICY and NEARBITS_SOCKET,
 * then the place usual on the system. A data directory that was named carries its own socket, so that several
 * nodes on one machine stay apart. Relative paths are taken from `workingDir`.
 */
export function resolvePaths(facts: PlatformFacts, overrides: PathOverrides, workingDir: string): NodePaths {
  const { env } = facts;
  const path = facts.platform === 'win32' ? win32 : posix;
  const usual = usualPaths(facts);
  const named = (override: string | undefined, variable: string): string | undefined => {
    const value = override ?? (env[variable] || undefined);
    return value === undefined || isPipe(value) ? value : path.resolve(workingDir, value);
  };
  const ownDataDir = named(overrides.dataDir, 'NEARBITS_DATA_DIR');
  const dataDir = ownDataDir ?? usual.dataDir;
  return {
    dataDir,
    configFile: named(overrides.configFile, 'NEARBITS_CONFIG') ?? usual.configFile,
    policyFile: named(overrides.policyFile, 'NEARBITS_POLICY') ?? usual.policyFile,
    socketPath:
      named(overrides.socketPath, 'NEARBITS_SOCKET') ??
      (facts.platform === 'win32' ? pipeName(dataDir) : posix.join(ownDataDir ?? usual.socketDir, 'nearbits.sock')),
  };
}

/** Whether the path names a Windows pipe rather than a file. */
export function isPipe(path: string): boolean {
  return path.startsWith('\\\\.\\pipe\\') || path.startsWith('\\\\?\\pipe\\');
}

interface UsualPaths {
  readonly dataDir: string;
  readonly configFile: string;
  readonly policyFile: string;
  readonly socketDir: string;
}

function usualPaths(facts: PlatformFacts): UsualPaths {
  if (facts.platform === 'win32') return windowsPaths(facts);
  return facts.platform === 'darwin' ? macPaths(facts) : xdgPaths(facts);
}

/** Linux and other Unix systems: the Filesystem Hierarchy Standard for root, the XDG base directories for users. */
function xdgPaths({ isSystem, homeDir, env }: PlatformFacts): UsualPaths {
  const policyFile = '/etc/nearbits/policy.yaml';
  if (isSystem) {
    return {
      dataDir: '/var/lib/nearbits',
      configFile: '/etc/nearbits/nearbits.yaml',
      policyFile,
      socketDir: '/run/nearbits',
    };
  }
  const base = (variable: string, fallback: string): string => {
    const value = env[variable];
    // The XDG specification tells to ignore relative values.
    return value?.startsWith('/') ? value : posix.join(homeDir, fallback);
  };
  const dataDir = posix.join(base('XDG_DATA_HOME', '.local/share'), 'nearbits');
  const runtimeDir = env.XDG_RUNTIME_DIR;
  return {
    dataDir,
    configFile: posix.join(base('XDG_CONFIG_HOME', '.config'), 'nearbits/nearbits.yaml'),
    policyFile,
    socketDir: runtimeDir?.startsWith('/') ? posix.join(runtimeDir, 'nearbits') : dataDir,
  };
}

function macPaths({ isSystem, homeDir }: PlatformFacts): UsualPaths {
  const shared = '/Library/Application Support/nearbits';
  const own = isSystem ? shared : posix.join(homeDir, 'Library/Application Support/nearbits');
  return {
    dataDir: posix.join(own, 'data'),
    configFile: posix.join(own, 'nearbits.yaml'),
    policyFile: posix.join(shared, 'policy.yaml'),
    socketDir: isSystem ? '/var/run/nearbits' : own,
  };
}

function windowsPaths({ isSystem, homeDir, env }: PlatformFacts): UsualPaths {
  const shared = win32.join(env.PROGRAMDATA ?? 'C:\\ProgramData', 'nearbits');
  const local = isSystem ? shared : win32.join(env.LOCALAPPDATA ?? win32.join(homeDir, 'AppData\\Local'), 'nearbits');
  const roaming = isSystem ? shared : win32.join(env.APPDATA ?? win32.join(homeDir, 'AppData\\Roaming'), 'nearbits');
  return {
    dataDir: win32.join(local, 'data'),
    configFile: win32.join(roaming, 'nearbits.yaml'),
    policyFile: win32.join(shared, 'policy.yaml'),
    socketDir: local,
  };
}

/** Pipes live in one flat name space of the machine, so the name is derived from the data directory; Windows ignores case in it. */
function pipeName(dataDir: string): string {
  const digest = createHash('sha256').update(dataDir.toLowerCase()).digest('hex');
  return `\\\\.\\pipe\\nearbits-${digest.slice(0, 16)}`;
}
