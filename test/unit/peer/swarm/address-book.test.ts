import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/manual-clock.ts';
import { silentLogger } from '../../../../src/observe/log.ts';
import { Roster } from '../../../../src/peer/roster.ts';
import { AddressBook } from '../../../../src/peer/swarm/address-book.ts';
import { testNodeId } from '../../../support/node-ids.ts';

const A = testNodeId(1);
const B = testNodeId(2);
const at = (host: string, port = 21_780) => ({ host, port });

async function openBook() {
  const clock = new ManualClock();
  const roster = await Roster.open({ table: null, clock, log: silentLogger, emit: () => {} });
  roster.attach((host) => host.startsWith('10.0.0.'));
  return { clock, roster, book: new AddressBook({ roster, clock }) };
}

describe('an address book', () => {
  it('tells where a node was heard of, the latest word last but one that was proven first', async () => {
    const { book } = await openBook();
    expect(book.addressesOf(A)).toEqual([]);
    book.hint(A, at('10.0.0.5'));
    book.hint(A, at('10.0.0.6'));
    book.connected(A, at('10.0.0.7'));
    book.hint(A, at('10.0.0.8'));
    expect(book.addressesOf(A)).toEqual([at('10.0.0.7'), at('10.0.0.8'), at('10.0.0.5'), at('10.0.0.6')]);
  });

  it('puts what the roster knows first, and nothing twice', async () => {
    const { roster, book } = await openBook();
    book.hint(A, at('10.0.0.6'));
    book.hint(A, at('10.0.0.5'));
    roster.hint({ nodeId: A, ...at('10.0.0.5'), via: 'hello' });
    roster.hint({ nodeId: A, ...at('172.16.0.1'), via: 'hello' });
    expect(book.addressesOf(A)).toEqual([at('10.0.0.5'), at('10.0.0.6')]);
    expect(book.addressesOf(B)).toEqual([]);
  });

  it.each([
    ['an address of another subnet', at('192.168.1.1')],
    ['port 0', at('10.0.0.5', 0)],
    ['a port that cannot be', at('10.0.0.5', 65_536)],
    ['a name', at('10.0.0.example')],
  ])('does not count %s', async (_, address) => {
    const { book } = await openBook();
    expect(book.hint(A, address)).toBe(false);
    expect(book.addressesOf(A)).toEqual([]);
  });

  it('counts other ports of a host that the roster knows, and the host of a connection', async () => {
    const { roster, book } = await openBook();
    roster.hint({ nodeId: B, ...at('192.168.1.1'), via: 'static' });
    expect(book.hint(A, at('192.168.1.1', 5))).toBe(true);
    expect(book.connected(testNodeId(3), at('192.168.9.9'))).toBe(true);
    expect([book.addressesOf(A), book.addressesOf(testNodeId(3))]).toEqual([
      [at('192.168.1.1', 5)],
      [at('192.168.9.9')],
    ]);
  });

  it('forgets a node that nobody spoke of for ten minutes', async () => {
    const { clock, book } = await openBook();
    book.hint(A, at('10.0.0.5'));
    clock.advance(599_999);
    expect(book.addressesOf(A)).toHaveLength(1);
    clock.advance(1);
    expect(book.addressesOf(A)).toEqual([]);
  });

  it('keeps the 1,024 nodes heard of last, and four addresses of each', async () => {
    const { book } = await openBook();
    for (let index = 0; index < 1_024; index++) book.hint(testNodeId(index), at('10.0.0.5'));
    book.hint(testNodeId(0), at('10.0.0.6'));
    book.hint(testNodeId(1_024), at('10.0.0.5'));
    expect(book.addressesOf(testNodeId(0))).toHaveLength(2);
    expect(book.addressesOf(testNodeId(1))).toEqual([]);
    for (let host = 10; host < 90; host++) book.hint(A, at(`10.0.0.${host}`));
    expect(book.addressesOf(A)).toHaveLength(4);
  });
});
