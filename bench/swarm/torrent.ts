import { createHash } from 'node:crypto';
import type { PseudoRandomFile } from '../../test/support/pseudo-random-file.ts';

const PIECE = 1024 * 1024;

type Value = number | string | Buffer | readonly Value[] | { readonly [key: string]: Value };

/** Where those who have a torrent look for its bytes: at a web seed (BEP 19), and with peers that a tracker names (BEP 3). */
export interface TorrentSources {
  readonly webSeed?: string;
  readonly tracker?: string;
}

/** A torrent of one file (BEP 3). Without a tracker it asks nobody for peers but the network around. */
export function torrentOf(file: PseudoRandomFile, name: string, { webSeed, tracker }: TorrentSources): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < file.size; at += PIECE) {
    pieces.push(
      createHash('sha1')
        .update(file.read(at, Math.min(file.size, at + PIECE)))
        .digest(),
    );
  }
  const info = { length: file.size, name, 'piece length': PIECE, pieces: Buffer.concat(pieces) };
  return bencode({
    ...(tracker === undefined ? {} : { announce: tracker }),
    info,
    ...(webSeed === undefined ? {} : { 'url-list': [webSeed] }),
  });
}

// The keys of a dictionary are in order already.
function bencode(value: Value): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`);
  if (typeof value === 'string' || Buffer.isBuffer(value)) {
    const bytes = Buffer.from(value as string);
    return Buffer.concat([Buffer.from(`${bytes.length}:`), bytes]);
  }
  const parts = Array.isArray(value) ? value : Object.entries(value).flat();
  const head = Buffer.from(Array.isArray(value) ? 'l' : 'd');
  return Buffer.concat([head, ...parts.map((part) => bencode(part as Value)), Buffer.from('e')]);
}
