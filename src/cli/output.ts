import { type NearbitsError, toNearbitsError } from '../core/errors.ts';
import { type ExitCode, exitCodeOf } from './exit.ts';
import type { CliIo } from './io.ts';

/**
 * What a command says. With --json standard output carries exactly one JSON value, for failures too:
 * `{"error":{"code","message","hint","details"}}`. Without it results go to standard output and failures, as what
 * happened and what to do next, to standard error.
 */
export class Output {
  readonly json: boolean;
  readonly #io: CliIo;

  constructor(io: CliIo, options: { readonly json: boolean }) {
    this.#io = io;
    this.json = options.json;
  }

  /** The result: the value for programs, the text for people. */
  result(value: unknown, text: () => string): void {
    this.#io.out(this.json ? `${JSON.stringify(value)}\n` : ensureNewline(text()));
  }

  /** The failure; `more` is added to the JSON value. Returns the exit code. */
  failure(thrown: unknown, more: Readonly<Record<string, unknown>> = {}): ExitCode {
    const error = toNearbitsError(thrown);
    if (this.json) this.#io.out(`${JSON.stringify({ error: errorValue(error), ...more })}\n`);
    else this.#io.err(errorText(error));
    return exitCodeOf(error.code);
  }

  /** A remark for people that is no result. */
  remark(text: string): void {
    if (!this.json) this.#io.err(ensureNewline(text));
  }
}

function errorValue({ code, message, hint, details }: NearbitsError): object {
  return { code, message, hint: hint ?? null, details };
}

function errorText(error: NearbitsError): string {
  const lines = [`nearbits: ${error.message} (${error.code})`];
  // A bug is reported with the place it happened; other causes are already part of the message.
  if (error.code === 'E_INTERNAL' && error.cause instanceof Error) lines.push(`  because: ${error.cause.message}`);
  if (error.hint !== undefined) lines.push(`  next: ${error.hint}`);
  return `${lines.join('\n')}\n`;
}

function ensureNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
