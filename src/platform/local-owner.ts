import { userInfo } from 'node:os';
import type { Caller } from '../core/caller.ts';

/** The user this process runs as: who owns the node, and therefore administers it. Its files have no other fence than the system's. */
export function localOwner(): Caller {
  return { name: userName(), administrator: true, folders: null };
}

/** Containers run processes under numbers that no user data base knows. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
