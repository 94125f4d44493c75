import { type NodeId, parseNodeId } from '../../src/core/ids.ts';
import { seededRandom } from '../../src/core/random.ts';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
// Base58 of an Ed25519 multihash: the last characters run over all values, the first ones are fixed by its prefix.
const HEAD = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtq';

/** The `index`-th of many different, well-formed node ids; nobody holds their keys. */
export function testNodeId(index: number): NodeId {
  const random = seededRandom(index + 1);
  const tail = Array.from({ length: 52 - HEAD.length }, () => ALPHABET[Math.floor(random() * 58)]);
  return parseNodeId(HEAD + tail.join(''));
}
