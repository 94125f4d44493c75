import type { PartFile } from '../transfer/part-file.ts';
import type { ExchangeContent } from './content.ts';
import { bytesOf } from './content.ts';
import type { PieceList } from './piece-list.ts';
import { PiecesUnfit } from './pieces-unfit.ts';

/**
 * The pieces that an earlier run left in a part file. Where an anchor says what they have to be, each is compared with it
 * before it may be given to anybody.
 * @throws PiecesUnfit when one of them is another one: the file was begun with other content.
 */
export async function presentPieces(
  part: PartFile,
  list: PieceList,
  content: ExchangeContent,
  signal: AbortSignal,
): Promise<number[]> {
  const present: number[] = [];
  const { proven } = part;
  const count = Math.ceil(content.version.size / content.pieceSize);
  for (let piece = 0; piece < count; piece++) {
    const range = bytesOf({ first: piece, end: piece + 1 }, content);
    if (!proven.covers(range)) continue;
    const expected = list.pieces?.[piece]?.hash;
    if (expected !== undefined && Buffer.compare(await part.hashOf(range, signal), expected) !== 0) throw unfit(piece);
    present.push(piece);
  }
  return present;
}

function unfit(piece: number): PiecesUnfit {
  return new PiecesUnfit('here', `piece ${piece} of what is there already is another one`);
}
