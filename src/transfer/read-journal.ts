import { readFile, stat } from 'node:fs/promises';
import { systemErrorCode } from '../core/errors.ts';
import type { SealMark } from '../core/file-identity.ts';
import {
  type JournalHeader,
  type JournalLine,
  LINE_BYTES,
  MAX_JOURNAL_BYTES,
  mismatch,
  parseLine,
  parseSeal,
} from './journal-format.ts';

/** A line and where it lies, which is null where no newer line fits in its place. */
export interface PlacedLine extends JournalLine {
  readonly position: number | null;
}

/** What {@link readJournal} found. */
export type JournalContent =
  | { readonly found: 'nothing' }
  | { readonly found: 'other'; readonly reason: string }
  | { readonly found: 'lines'; readonly lines: readonly PlacedLine[]; readonly seal: SealMark | null };

/** Reads a journal and says whether it belongs to `expected`; damaged lines are left out. @throws what the file system says */
export async function readJournal(path: string, expected: JournalHeader): Promise<JournalContent> {
  const bytes = await readBounded(path);
  if (bytes === null) return { found: 'nothing' };
  const [first = '', ...rest] = linesOf(bytes);
  const reason = mismatch(Buffer.from(first, 'latin1').toString('utf8'), expected);
  if (reason !== null) return { found: 'other', reason };
  return { found: 'lines', lines: place(rest, first.length + 1), seal: lastSeal(rest) };
}

/** The mark of the sealed file that a journal names, whatever download it belongs to. `journal` says whether there is one at all. */
export async function readSeal(path: string): Promise<{ readonly journal: boolean; readonly seal: SealMark | null }> {
  const bytes = await readBounded(path);
  return { journal: bytes !== null, seal: bytes === null ? null : lastSeal(linesOf(bytes)) };
}

// One character for each byte, so that positions can be counted whatever somebody wrote into the file.
function linesOf(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\n');
}

function place(lines: readonly string[], from: number): PlacedLine[] {
  const placed: PlacedLine[] = [];
  let position = from;
  for (const text of lines) {
    const line = parseLine(text);
    if (line !== null) placed.push({ ...line, position: text.length + 1 === LINE_BYTES ? position : null });
    position += text.length + 1;
  }
  return placed;
}

function lastSeal(lines: readonly string[]): SealMark | null {
  return lines.reduce<SealMark | null>((last, line) => parseSeal(line) ?? last, null);
}

async function readBounded(path: string): Promise<Buffer | null> {
  try {
    if ((await stat(path)).size > MAX_JOURNAL_BYTES) return Buffer.alloc(0);
    return await readFile(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}
