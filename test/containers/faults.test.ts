import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectWhole } from './support/expect-download.ts';
import { describeInContainers, Lab } from './support/lab.ts';
import type { NodeMachine } from './support/node-machine.ts';

const MIB = 2 ** 20;

describeInContainers('a neighbour that fails in the middle of a download', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open('faults');
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  it.each([
    { fault: 'is killed', strike: (node: NodeMachine) => node.kill() },
    { fault: 'freezes', strike: (node: NodeMachine) => node.pause() },
    { fault: 'loses its network', strike: (node: NodeMachine) => lab.lan.disconnect(node.id) },
  ])('is replaced by the origin when it $fault', async ({ strike }) => {
    await using holder = await lab.node('holder');
    await using taker = await lab.node('taker');
    await taker.finds(holder);
    const file = await lab.origin.newFile('12MiB');
    await holder.download(file);
    await lab.origin.resetCount();

    const before = (await taker.wire()).receivedBytes;
    const download = taker.download(file);
    // The holder sends 1 MiB a second, so it is far from the end then.
    await taker.hasReceived(3 * MIB, before);
    await strike(holder);
    const result = await download;
    expectWhole(result, file);
    expect(result.bytesFromPeers).toBeGreaterThanOrEqual(MIB);
    expect(result.bytesFromOrigin).toBeGreaterThan(0);
    expect(await lab.origin.bytesSent()).toBe(result.bytesFromOrigin);
  });
});
