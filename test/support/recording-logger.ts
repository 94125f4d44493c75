import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Logger } from '../../src/observe/log.ts';

/** A logger that keeps every line it writes, parsed, for tests that ask what was told. */
export function recordingLogger(): { readonly log: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const keep = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  return { log: pino({ level: 'trace', base: null }, keep), lines };
}
