import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectFromOrigin, expectFromPeers } from './support/expect-download.ts';
import { describeInContainers, Lab } from './support/lab.ts';
import type { NodeMachine } from './support/node-machine.ts';

const UNLIMITED = 'serve: { bandwidth: unlimited }\n';

async function nodeIds(...nodes: NodeMachine[]): Promise<string[]> {
  return Promise.all(nodes.map(async (node) => (await node.status()).nodeId));
}

describeInContainers('discovery on a subnet', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open('discovery');
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  it.each([
    { means: 'mDNS', config: 'discovery: { broadcast: false }\n', via: ['mdns'] },
    { means: 'broadcast datagrams', config: 'discovery: { mdns: false }\n', via: ['hello', 'probe', 'probe-match'] },
  ])('finds a neighbour by $means alone, and downloads from it', async ({ config, via }) => {
    await using first = await lab.node('first', { config: UNLIMITED + config });
    await using second = await lab.node('second', { config: UNLIMITED + config });
    const file = await lab.origin.newFile('16MiB');
    const peer = await second.finds(first);
    expect(via).toEqual(expect.arrayContaining(peer.addresses.map((address) => address.via)));

    await first.download(file);
    await lab.origin.resetCount();
    expectFromPeers(await second.download(file), file);
    expect(await lab.origin.bytesSent()).toBe(0);
  });

  it('does not find the nodes of another subnet', async () => {
    const otherLan = await lab.otherLan();
    await otherLan.connect(lab.origin.id);
    await using here = await lab.node('here', { config: UNLIMITED });
    await using there = await lab.node('there', { lan: otherLan, config: UNLIMITED });
    await using neighbour = await lab.node('neighbour', { lan: otherLan, config: UNLIMITED });
    const file = await lab.origin.newFile('4MiB');
    await here.download(file);
    await lab.origin.resetCount();

    // Discovery works over there, so that not to be found means something.
    await there.finds(neighbour);
    await there.nearbits('peers', '--clear', '--discover');
    await there.finds(neighbour);
    expectFromOrigin(await there.download(file), file);
    expect(await lab.origin.bytesSent()).toBe(file.size);
    expect((await there.peers()).map(({ nodeId }) => nodeId)).toEqual(await nodeIds(neighbour));
    expect(await here.peers()).toEqual([]);
  });
});
