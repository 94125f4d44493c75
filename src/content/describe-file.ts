import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { NearbitsError, systemErrorCode, toNearbitsError } from '../core/errors.ts';
import { MAX_PIECES, MIN_PIECE_BYTES, pieceSizeFor } from '../core/pieces.ts';
import { FileHasher } from './file-hasher.ts';
import type { DescribedFile } from './write-metalink.ts';

/** How a file is described. */
export interface DescribeOptions {
  /** A power of two of at least 1 MiB, or null for the size that nodes use. */
  readonly pieceSize: number | null;
  /** Called after each block with the bytes read so far and the size. */
  readonly onProgress: (bytesDone: number, bytesTotal: number) => void;
  readonly signal: AbortSignal;
}

const BLOCK_BYTES = 1024 * 1024;

/**
 * Reads a file once and computes what describes it; takes memory for one block of 1 MiB and the digests.
 * @throws NearbitsError E_INVALIDARG when there is no such file, it cannot be read, or the piece size does not fit it; E_IO
 * when reading fails or the file changes meanwhile; E_CANCELLED.
 */
export async function describeFile(path: string, options: DescribeOptions): Promise<Omit<DescribedFile, 'urls'>> {
  await using file = await openFile(path);
  const { size } = await file.stat();
  const pieceSize = options.pieceSize ?? pieceSizeFor(size);
  checkPieceSize(size, pieceSize);
  const hasher = new FileHasher({ size, pieceSize });
  try {
    await readInto(hasher, file, size, options);
  } catch (error) {
    throw toNearbitsError(error, 'E_IO');
  }
  return { name: basename(path), size, pieceSize, ...hasher.end() };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, 'r');
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    throw new NearbitsError('E_INVALIDARG', `${path} cannot be read (${systemErrorCode(error)})`, { cause: error });
  }
  throw new NearbitsError('E_INVALIDARG', `${path} is no file`);
}

async function readInto(hasher: FileHasher, file: FileHandle, size: number, options: DescribeOptions): Promise<void> {
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  for (;;) {
    options.signal.throwIfAborted();
    const { bytesRead } = await file.read(block, 0, block.length, hasher.offset);
    if (bytesRead === 0) return;
    hasher.update(block.subarray(0, bytesRead));
    options.onProgress(hasher.offset, size);
  }
}

// What nodes cut files by, so that they can use the pieces as they are.
function checkPieceSize(size: number, pieceSize: number): void {
  const isUsable = pieceSize >= MIN_PIECE_BYTES && Number.isInteger(Math.log2(pieceSize));
  if (isUsable && size / pieceSize <= MAX_PIECES) return;
  throw new NearbitsError('E_INVALIDARG', `the file cannot be cut into pieces of ${pieceSize} bytes`, {
    hint: `Take a power of two of at least 1 MiB that gives at most ${MAX_PIECES} pieces; ${pieceSizeFor(size)} bytes fit.`,
  });
}
