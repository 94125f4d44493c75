import { text } from 'node:stream/consumers';
import { onReloadSignal, onStopSignal } from '../platform/signals.ts';
import type { CliIo } from './io.ts';

/** The process itself. */
export function processIo(): CliIo {
  // A reader that goes away (`nearbits cache ls | head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    env: process.env,
    workingDir: process.cwd(),
    isTerminal: process.stderr.isTTY,
    columns: () => process.stderr.columns ?? 80,
    out: (line) => void process.stdout.write(line),
    err: (line) => void process.stderr.write(line),
    readInput: () => text(process.stdin),
    onStopSignal: (listener) => onStopSignal(listener),
    onReloadSignal: (listener) => onReloadSignal(listener),
    exitNow: (code) => process.exit(code),
  };
}
