import { createHash, randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteRange } from '../../src/core/byte-range.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { Intake } from '../../src/transfer/intake.ts';
import { PartFile } from '../../src/transfer/part-file.ts';
import type { PartTarget } from '../../src/transfer/part-target.ts';

export const MIB: number = 1024 * 1024;
const GIB = 1024 * MIB;
/** When the file at the origin was changed. */
export const DATE_MS = 1_600_000_000_000;

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** A file at the origin, of which `bytes` are wanted; a larger `of` makes larger pieces: 2 MiB for 16 GiB, 8 MiB for 64 GiB. */
export class PartFixture {
  readonly content: Buffer;
  readonly target: PartTarget;

  constructor(folder: string, bytes: number, ofGib: number | null = null) {
    this.content = randomBytes(bytes);
    const size = ofGib === null ? bytes : ofGib * GIB;
    this.target = {
      destination: join(folder, 'file.bin'),
      url: 'http://origin.test/file.bin',
      version: { size, lastModifiedMs: DATE_MS, etag: '"1"' },
      ranges: [{ start: 0, end: bytes }],
    };
  }

  /** Bytes of the file at the origin. */
  slice({ start, end }: ByteRange): Buffer {
    return this.content.subarray(start, end);
  }

  /** Writes and commits a range as a neighbour's piece. */
  async put(part: PartFile, range: ByteRange): Promise<void> {
    await part.write([this.slice(range)], range.start);
    await part.commit(range, sha256(this.slice(range)));
  }

  async putAll(part: PartFile): Promise<void> {
    for (const piece of part.grid) await this.put(part, piece);
  }

  /** An intake as the origin's source makes it, from `from` on; it continues the head that ends there. */
  intake(part: PartFile, from: number): Intake {
    const spans = part.grid.filter((piece) => piece.end > from).map((piece) => ({ ...piece, expected: null }));
    const head = part.heads.get(spans[0]?.start ?? -1);
    return new Intake({ part, onProven: () => {} }, spans, head?.offset === from ? head : null);
  }

  /** Sends a range as the origin does, in chunks of 64 KiB, and settles. */
  async send(part: PartFile, range: ByteRange): Promise<void> {
    const intake = this.intake(part, range.start);
    await this.feed(intake, range);
    await intake.settle();
  }

  async feed(intake: Intake, { start, end }: ByteRange): Promise<void> {
    for (let at = start; at < end; at += 65_536)
      await intake.sink(this.slice({ start: at, end: Math.min(end, at + 65_536) }));
  }

  /** A part file that has all and is closed, to be handed over. */
  async sealed(): Promise<PartFile> {
    const part = await PartFile.open(this.target);
    await this.putAll(part);
    await part.seal();
    return part;
  }

  get partPath(): string {
    return `${this.target.destination}.nbpart`;
  }

  get journalPath(): string {
    return `${this.target.destination}.nbpart.log`;
  }

  /** Whether the file on disk has the origin's bytes wherever `part` says so. */
  async isTrue(part: PartFile): Promise<boolean> {
    const disk = await readFile(part.path);
    return part.written.ranges.every(({ start, end }) => disk.subarray(start, end).equals(this.slice({ start, end })));
  }
}

/** Flips one byte of a file, as a person or a bad disk does. */
export async function damage(path: string, position: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  await file.write(Buffer.of((byte[0] as number) ^ 0xff), 0, 1, position);
}

/** The ranges of a set that has exactly these bytes. */
export const bytes = (...ranges: ByteRange[]): readonly ByteRange[] => RangeSet.of(...ranges).ranges;
