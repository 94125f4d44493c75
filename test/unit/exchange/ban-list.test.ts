import { expect, it } from 'vitest';
import { BanList } from '../../../src/exchange/ban-list.ts';
import { nodeIdOf } from '../../../src/peer/identity.ts';

const node = (index: number) => nodeIdOf(new Uint8Array(32).fill(index));
const proof = (index: number) => ({ nodeId: node(index), evidence: Uint8Array.of(index) });

it('keeps for newcomers what the accused signed, and nothing without proof', () => {
  const bans = new BanList();
  expect(bans.add(node(1), proof(1))).toEqual({ kind: 'evidence', evidence: Uint8Array.of(1) });
  expect(bans.add(node(2), null)).toBeNull();
  expect(bans.nodes).toEqual([node(1), node(2)]);
  expect([bans.has(node(2)), bans.has(node(3))]).toEqual([true, false]);
  expect(bans.evidence).toEqual([{ kind: 'evidence', evidence: Uint8Array.of(1) }]);
});

it('keeps evidence against sixteen at most', () => {
  const bans = new BanList();
  for (let index = 1; index <= 20; index++) bans.add(node(index), proof(index));
  expect(bans.evidence).toHaveLength(16);
  expect(bans.nodes).toHaveLength(20);
});
