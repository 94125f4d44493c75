import { homedir } from 'node:os';

/** What the node needs to know about the machine it runs on; passed in, so that every system can be tested on any. */
export interface PlatformFacts {
  /** Node's name of the system: `linux`, `darwin`, `win32`, ... */
  readonly platform: NodeJS.Platform;
  /** Whether the process acts for the whole machine: root, or the SYSTEM account of Windows. */
  readonly isSystem: boolean;
  readonly homeDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The facts of this process. */
export function readPlatformFacts(): PlatformFacts {
  return {
    platform: process.platform,
    isSystem: isSystemProcess(),
    homeDir: homedir(),
    env: process.env,
  };
}

function isSystemProcess(): boolean {
  if (process.getuid !== undefined) return process.getuid() === 0;
  // Windows has no user number. Services of the SYSTEM account carry the machine's name and a dollar sign.
  return process.env.USERNAME?.endsWith('$') ?? false;
}
