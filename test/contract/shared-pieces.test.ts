import { SharedPart } from '../support/shared-part.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sharedPiecesContract } from './shared-pieces.ts';

const [KIB, MIB] = [1024, 1024 * 1024];

// One chunk each, several chunks each, and many to a chunk, also where they do not fill it.
sharedPiecesContract('a part file', [MIB, 4 * MIB, 64 * KIB, 100_000], async (content, pieceSize) => {
  const dir = await tempDir();
  const part = await SharedPart.create(dir.path, content, pieceSize);
  return {
    pieces: part.pieces,
    damage: (offset) => part.damage(offset),
    async [Symbol.asyncDispose]() {
      await part[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
});
