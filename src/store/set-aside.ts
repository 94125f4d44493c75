import { access } from 'node:fs/promises';
import type { Clock } from '../core/clock.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import { writeFileAtomically } from '../platform/write-file.ts';
import type { RawAccess } from './raw-access.ts';

/** A value that no table can use, as it lies in the database. */
export interface UnusableValue {
  readonly key: string;
  /** With the checksum before it. */
  readonly value: Uint8Array;
  /** Its checksum is wrong, or the schema of its table refuses it. */
  readonly reason: 'damaged' | 'refused';
}

/** What setting aside works with. */
export interface SetAsideDeps {
  readonly access: RawAccess;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
}

/**
 * Takes values that cannot be used out of the database, but never throws them away: they are first written to
 * `<dir>.set-aside-<time>.jsonl`, one a line as `{"key","value","reason"}` with key and value in base64.
 */
export class SetAside {
  readonly #deps: SetAsideDeps;
  readonly #dir: string;

  constructor(deps: SetAsideDeps, options: { readonly dir: string }) {
    this.#deps = deps;
    this.#dir = options.dir;
  }

  /** Sets values aside, told by the event index.repaired. When that fails they stay where they are, and are skipped. */
  async take(values: readonly UnusableValue[]): Promise<void> {
    if (values.length === 0) return;
    const { access, clock, log, emit } = this.#deps;
    try {
      const path = await freePath(`${this.#dir}.set-aside-${timeStamp(clock)}`, '.jsonl');
      await writeFileAtomically(path, values.map(line).join(''), 0o600);
      await access.write((raw) => raw.batch(values.map(({ key }) => ({ type: 'del', key }))));
      log.error({ setAside: path, dropped: values.length }, 'values of the index that cannot be used were set aside');
      emit({ type: 'index.repaired', dropped: values.length, setAside: path });
    } catch (error) {
      log.error({ err: error }, 'values of the index cannot be used, and cannot be set aside either');
    }
  }
}

/** A time for the name of a file: `20261121T071956Z`. */
export function timeStamp(clock: Clock): string {
  return new Date(clock.wallMs()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

/** A path under which nothing lies yet: the stem with the ending, or with a number between them. */
export async function freePath(stem: string, ending = ''): Promise<string> {
  let path = stem + ending;
  for (let number = 2; await exists(path); number++) path = `${stem}-${number}${ending}`;
  return path;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

function line({ key, value, reason }: UnusableValue): string {
  const base64 = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  return `${JSON.stringify({ key: Buffer.from(key).toString('base64'), value: base64, reason })}\n`;
}
