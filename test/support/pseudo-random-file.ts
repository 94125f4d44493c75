import { createCipheriv, createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

const BLOCK = 16;
const STEP = 1024 * 1024;
const ZEROS = Buffer.alloc(STEP);

/**
 * A file that exists nowhere: its bytes are an AES-128-CTR key stream, so they look random, do not
 * compress, are the same for the same seed, and can be had from any offset at several GB/s.
 */
export class PseudoRandomFile {
  readonly size: number;
  readonly seed: string;
  readonly #key: Buffer;

  constructor(options: { readonly size: number; readonly seed?: string | number }) {
    this.size = options.size;
    this.seed = String(options.seed ?? 0);
    this.#key = createHash('sha256').update(`nearbits test file ${this.seed}`).digest().subarray(0, 16);
  }

  /** The bytes from `start` up to `end`, which must lie inside the file. */
  read(start: number, end: number): Buffer {
    const skipped = start % BLOCK;
    const cipher = createCipheriv('aes-128-ctr', this.#key, counterAt((start - skipped) / BLOCK));
    cipher.update(ZEROS.subarray(0, skipped));
    const wanted = end - start;
    return cipher.update(wanted <= STEP ? ZEROS.subarray(0, wanted) : Buffer.alloc(wanted));
  }

  /** SHA-256 in hex of `start` up to `end`; lets other work run in between. */
  async sha256(start = 0, end = this.size): Promise<string> {
    const hash = createHash('sha256');
    for (let offset = start; offset < end; offset += STEP) {
      hash.update(this.read(offset, Math.min(end, offset + STEP)));
      await turn();
    }
    return hash.digest('hex');
  }
}

function counterAt(block: number): Buffer {
  const counter = Buffer.alloc(BLOCK);
  counter.writeBigUInt64BE(BigInt(block), 8);
  return counter;
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

/** Reads `500`, `64KiB`, `64MiB`, `1GiB`, `1MB`; null for other text. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,15})([A-Za-z]{0,3})$/.exec(text);
  const unit = match === null ? undefined : UNITS[match[2] as string];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}
