import { expect, it } from 'vitest';
import { BanList } from '../../../src/exchange/ban-list.ts';
import { testNodeId } from '../../support/node-ids.ts';

const proof = (index: number) => ({ nodeId: testNodeId(index), evidence: Uint8Array.of(index) });
const shown = (index: number) => ({ kind: 'evidence', evidence: Uint8Array.of(index) });

it('shows each member what the accused signed, and nothing without proof', () => {
  const bans = new BanList();
  const [cheater, liar, member] = [testNodeId(1), testNodeId(2), testNodeId(3)] as const;
  bans.add(cheater, proof(1));
  bans.add(liar, null);
  expect(bans.nodes).toEqual([cheater, liar]);
  expect([bans.has(liar), bans.has(member)]).toEqual([true, false]);
  expect([bans.show(member, 0), bans.show(member, 1_999)]).toEqual([[shown(1)], []]);
  bans.add(testNodeId(4), proof(4));
  expect(bans.show(member, 1_999)).toEqual([shown(4)]);
  expect(bans.show(cheater, 0)).toEqual([]);
});

it('shows all of it again to one that asks again later', () => {
  const bans = new BanList();
  bans.add(testNodeId(1), proof(1));
  expect([0, 1_999, 2_000, 3_000].map((nowMs) => bans.show(testNodeId(3), nowMs).length)).toEqual([1, 0, 1, 0]);
});

it('keeps evidence against sixteen at most', () => {
  const bans = new BanList();
  for (let index = 1; index <= 20; index++) bans.add(testNodeId(index), proof(index));
  expect(bans.show(testNodeId(99), 0)).toHaveLength(16);
  expect(bans.nodes).toHaveLength(20);
});
