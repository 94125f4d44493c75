import type { SwarmView } from '../../src/api/swarm-views.ts';
import { testNodeId } from './node-ids.ts';

/** A content that a node fetches with two neighbours, of which one has nothing yet. */
export function swarmView(change: Partial<SwarmView> = {}): SwarmView {
  const MIB = 1024 * 1024;
  return {
    contentId: 'ab'.repeat(32),
    url: 'https://origin.test/releases/24.04/big.iso',
    bytes: 64 * MIB,
    pieces: 64,
    piecesHere: 12,
    anchored: true,
    state: 'fetching',
    joinedMs: 1_000,
    fromOrigin: { start: 4 * MIB, end: 8 * MIB, position: 5 * MIB },
    partners: [
      { nodeId: testNodeId(1), pieces: 0, fromOrigin: null },
      { nodeId: testNodeId(2), pieces: 7, fromOrigin: { start: 8 * MIB, end: 12 * MIB, position: 8 * MIB } },
    ],
    banned: [],
    givenBytes: 3 * MIB,
    takenBytes: 8 * MIB,
    ...change,
  };
}
