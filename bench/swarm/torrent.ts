import { createHash } from 'node:crypto';
import type { PseudoRandomFile } from '../../test/support/pseudo-random-file.ts';

const PIECE = 1024 * 1024;

type Value = number | string | Buffer | readonly Value[] | { readonly [key: string]: Value };

/** A torrent of one file with a web seed (BEP 3, BEP 19), which asks nobody for peers but the network around. */
export function torrentOf(file: PseudoRandomFile, name: string, url: string): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < file.size; at += PIECE) {
    pieces.push(
      createHash('sha1')
        .update(file.read(at, Math.min(file.size, at + PIECE)))
        .digest(),
    );
  }
  const info = { length: file.size, name, 'piece length': PIECE, pieces: Buffer.concat(pieces) };
  return bencode({ info, 'url-list': [url] });
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
