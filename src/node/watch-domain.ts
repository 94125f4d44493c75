import { unwatchFile, watchFile } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../observe/log.ts';

/** How often the files of the domain membership are looked at. */
const WATCH_MS = 2000;

/**
 * Calls `reload` when the membership in `dir` changes; the returned function ends it.
 * Looking works where notifications do not, and sees a file that is replaced as a whole.
 */
export function watchDomain(dir: string, reload: () => Promise<unknown>, log: Logger): () => void {
  const files = ['node.pem', 'ca.pem', 'crl.pem'].map((name) => join(dir, name));
  const changed = () =>
    void reload().catch((error) => log.error({ err: error }, 'the membership could not be read again'));
  for (const file of files) watchFile(file, { interval: WATCH_MS, persistent: false }, changed);
  return () => {
    for (const file of files) unwatchFile(file, changed);
  };
}
