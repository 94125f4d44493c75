/**
 * Runs inside an empty network namespace (see test/integration/mdns.test.ts), with a second one for the far end of a
 * cable: nodes at both ends find each other by @libp2p/mdns alone. Prints one line of JSON.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { configure, ip, startMdnsNode, until } from './namespace-node.ts';

const ADDRESS = '10.66.0.2';
const FAR_SIDE = fileURLToPath(new URL('./mdns-far-side.ts', import.meta.url));

const far = spawn('unshare', ['--net', process.execPath, FAR_SIDE], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
const farPeersOf = async (index: number) => (await tell({ peersOf: index })) as string[];

async function tell(order: object): Promise<unknown> {
  const answered = once(far, 'message');
  far.send(order);
  const [{ answer, failed }] = await answered;
  if (failed !== undefined) throw new Error(failed);
  return answer;
}

async function plugIn(): Promise<void> {
  ip('link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1');
  ip('link', 'set', 'lan1', 'netns', `${far.pid}`);
  configure('lan0', ADDRESS);
  await tell({ plugIn: 'lan1' });
}

// An answered order shows that the far process runs in its own namespace by now.
await tell({});
await plugIn();
const near = await startMdnsNode(1, ADDRESS);
const foreign = await startMdnsNode(2, ADDRESS, 9);
await tell({ start: 3 });
const met = await until(async () => near.peers().length === 1 && (await farPeersOf(3)).length === 1);
const first = { met, near: near.peers(), far: await farPeersOf(3) };

// The same interface with the same address, taken away and put back; a new peer is found only by joining anew.
const sent = near.sent();
ip('link', 'delete', 'lan0');
await plugIn();
const askedAgain = await until(() => near.sent() > sent);
await tell({ start: 4 });
await until(async () => near.peers().length === 2 && (await farPeersOf(4)).length === 2);
const again = { askedAgain, near: near.peers(), newcomer: await farPeersOf(4) };

const foreignPeers = foreign.peers();
await Promise.all([near.stop(), foreign.stop(), tell({ end: true })]);
process.stdout.write(`${JSON.stringify({ first, again, foreignPeers })}\n`);
