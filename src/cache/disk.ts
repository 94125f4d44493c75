import { chmod, constants, copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { type ByteRange, rangeLength } from '../core/byte-range.ts';
import { NearbitsError } from '../core/errors.ts';
import { diskSpace } from '../platform/disk.ts';
import { syncDirectory } from '../platform/write-file.ts';

/**
 * The steps of the cache that change the disk, each of them one that a crash
 * can precede or follow. A seam, so that tests can cut the power between any two.
 */
export interface Disk {
  /**
   * Copies a whole file to a new one, sharing blocks where the file system can. Never a hard link: what the user writes
   * must not reach the copy, and his file must keep its one name; see docs/PERFORMANCE.md.
   */
  copyFile(from: string, to: string): Promise<void>;
  /** Copies ranges that lie back to back in `from` to their offsets in a new file, which gets holes between them. */
  copyRanges(from: string, ranges: readonly ByteRange[], to: string, signal: AbortSignal): Promise<void>;
  /** Makes the content of a file durable. */
  syncFile(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(dir: string): Promise<void>;
  /** Removes a file, or whatever else lies there; nothing happens when there is none. */
  remove(path: string): Promise<void>;
  /** Bytes that this process may still write in the file system of `dir`. */
  freeBytes(dir: string): Promise<number>;
}

const COPY_BYTES = 1024 * 1024;
const OWNER_ONLY = 0o600;

/** The machine's own disk. */
export const nodeDisk: Disk = {
  async copyFile(from, to) {
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    // The copy has the rights of the user's file; the cache is nobody else's.
    await chmod(to, OWNER_ONLY);
  },
  copyRanges,
  async syncFile(path) {
    // Windows flushes only what may be written.
    await using file = await open(path, 'r+');
    await file.sync();
  },
  rename,
  syncDirectory,
  remove: (path) => rm(path, { force: true, recursive: true }),
  async freeBytes(dir) {
    return (await diskSpace(dir)).freeBytes;
  },
};

async function copyRanges(from: string, ranges: readonly ByteRange[], to: string, signal: AbortSignal): Promise<void> {
  await using source = await open(from, 'r');
  await using target = await open(to, 'wx', OWNER_ONLY);
  const buffer = Buffer.allocUnsafe(COPY_BYTES);
  let offset = 0;
  for (const range of ranges) {
    await copyRange(source, offset, target, range, buffer, signal);
    offset += rangeLength(range);
  }
}

async function copyRange(
  source: FileHandle,
  from: number,
  target: FileHandle,
  range: ByteRange,
  buffer: Buffer,
  signal: AbortSignal,
): Promise<void> {
  for (let done = 0; done < rangeLength(range); ) {
    signal.throwIfAborted();
    const wanted = Math.min(buffer.length, rangeLength(range) - done);
    const { bytesRead } = await source.read(buffer, 0, wanted, from + done);
    if (bytesRead === 0) throw new NearbitsError('E_IO', 'the file to be cached is shorter than its ranges');
    await writeFully(target, buffer.subarray(0, bytesRead), range.start + done);
    done += bytesRead;
  }
}

async function writeFully(target: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await target.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
