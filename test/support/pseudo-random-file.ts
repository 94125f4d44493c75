import { createCipheriv, createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

/** The file is made of cells of this size, each another window of one random block. */
const CELL = 1024 * 1024;

// Odd, so that the windows of the first 2^20 cells (1 TiB) all differ.
const WINDOW_STEP = 645_409;

const MAX_BLOCKS = 32;
const blocks = new Map<string, Buffer>();

/**
 * A file that exists nowhere: looks random, does not compress, is the same for the same seed, can be
 * had from any offset, and costs no computing per read, so that the origin is never what a measurement measures.
 */
export class PseudoRandomFile {
  readonly size: number;
  readonly seed: string;
  readonly #block: Buffer;

  constructor(options: { readonly size: number; readonly seed?: string | number }) {
    this.size = options.size;
    this.seed = String(options.seed ?? 0);
    this.#block = blockFor(this.seed);
  }

  /** The bytes from `start` up to `end`; without a copy when both lie in one cell of 1 MiB. Not to be written to. */
  read(start: number, end: number): Buffer {
    const parts: Buffer[] = [];
    for (let offset = start; offset < end; ) {
      const cell = Math.floor(offset / CELL);
      const stop = Math.min(end, (cell + 1) * CELL);
      const shift = windowOf(cell) - cell * CELL;
      parts.push(this.#block.subarray(offset + shift, stop + shift));
      offset = stop;
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  /** SHA-256 in hex of `start` up to `end`; lets other work run in between. */
  async sha256(start = 0, end = this.size): Promise<string> {
    const hash = createHash('sha256');
    for (let offset = start; offset < end; offset += CELL) {
      hash.update(this.read(offset, Math.min(end, offset + CELL)));
      await turn();
    }
    return hash.digest('hex');
  }
}

// Where in the block of two cells the window of a cell begins.
function windowOf(cell: number): number {
  return (cell * WINDOW_STEP) % CELL;
}

// An AES key stream: random to look at, and 2 MiB of it take a millisecond.
function blockFor(seed: string): Buffer {
  const known = blocks.get(seed);
  if (known !== undefined) return known;
  const key = createHash('sha256').update(`nearbits test file ${seed}`).digest().subarray(0, 16);
  const block = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(2 * CELL));
  if (blocks.size >= MAX_BLOCKS) blocks.clear();
  blocks.set(seed, block);
  return block;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** Reads `500`, `64KiB`, `64MiB`, `1GiB`, `1MB`; null for other text and above 1 TiB. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,13})([A-Za-z]{0,3})$/.exec(text);
  const unit = match === null ? undefined : UNITS[match[2] as string];
  const size = match === null || unit === undefined ? Number.NaN : Number(match[1]) * unit;
  return size <= 2 ** 40 ? size : null;
}
