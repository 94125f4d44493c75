/** The machine at the other end of the cable of `mdns-near-side.ts`: does what it is told over IPC. */
import { configure, startMdnsNode } from './namespace-node.ts';

const ADDRESS = '10.66.0.3';
const nodes = new Map<number, Awaited<ReturnType<typeof startMdnsNode>>>();

interface Order {
  readonly plugIn?: string;
  readonly start?: number;
  readonly peersOf?: number;
  readonly end?: boolean;
}

async function obey(order: Order): Promise<unknown> {
  if (order.plugIn !== undefined) configure(order.plugIn, ADDRESS);
  if (order.start !== undefined) nodes.set(order.start, await startMdnsNode(order.start, ADDRESS));
  if (order.peersOf !== undefined) return nodes.get(order.peersOf)?.peers();
  if (order.end === true) for (const node of nodes.values()) await node.stop();
  return null;
}

process.on('message', (order: Order) => {
  void obey(order).then(
    (answer) => process.send?.({ answer }, () => order.end && process.disconnect()),
    (error) => process.send?.({ failed: String(error) }),
  );
});
