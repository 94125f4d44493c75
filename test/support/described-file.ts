import { linkTo, metalinkOf } from './origin-metalink.ts';
import { bytesContent, type OriginScript } from './origin-script.ts';
import type { OriginServer } from './origin-server.ts';
import { PseudoRandomFile } from './pseudo-random-file.ts';

/** A file at a test origin, and what left the origin of it. */
export interface DescribedFile {
  readonly url: string;
  readonly size: number;
  readonly sha256: string;
  /** Bytes of its content that the origin sent. */
  originBytes(): number;
}

/** How a file is served. */
export interface DescribedFileOptions extends Partial<OriginScript> {
  readonly size: number;
  /** Whether the origin names the digests of its pieces, in a Metalink document. */
  readonly isAnchored: boolean;
  /** How it is cut there; as nearbits does unless told otherwise. */
  readonly pieceSize?: number;
}

let files = 0;

/** Serves a file that was never served before. */
export async function serveDescribed(origin: OriginServer, options: DescribedFileOptions): Promise<DescribedFile> {
  const { size, isAnchored, pieceSize, headers = {}, ...script } = options;
  const path = `/described-${++files}.bin`;
  const content = new PseudoRandomFile({ size, seed: path });
  if (isAnchored) origin.serve(`${path}.meta4`, { content: bytesContent(metalinkOf(content, pieceSize)) });
  const link = isAnchored ? { link: linkTo(`${path}.meta4`) } : {};
  const url = origin.serve(path, { ...script, content, headers: { ...headers, ...link } });
  return { url, size, sha256: await content.sha256(), originBytes: () => origin.statsOf(path).bytesSent };
}
