import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
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
    isOutputTerminal: process.stdout.isTTY,
    // A terminal without a known size says 0.
    columns: () => process.stderr.columns || process.stdout.columns || 80,
    rows: () => process.stdout.rows || 24,
    out: (line) => void process.stdout.write(line),
    err: (line) => void process.stderr.write(line),
    readInput: () => text(process.stdin),
    readSecret: (prompt) => (process.stdin.isTTY ? askSecretly(prompt) : text(process.stdin)),
    onStopSignal: (listener) => onStopSignal(listener),
    onReloadSignal: (listener) => onReloadSignal(listener),
    exitNow: (code) => process.exit(code),
  };
}

/** Line editing of readline, but what it would show goes nowhere. Ctrl+C and Ctrl+D end the question with an AbortError. */
async function askSecretly(prompt: string): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  const over = new AbortController();
  lines.once('SIGINT', () => over.abort());
  lines.once('close', () => over.abort());
  process.stderr.write(prompt);
  try {
    return await lines.question('', { signal: over.signal });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
