import { parseContentId } from '../../src/core/ids.ts';
import type { Identity } from '../../src/peer/identity.ts';
import type {
  SwarmChannelListener,
  SwarmSender,
  SwarmWireBody,
  SwarmWireMessage,
} from '../../src/peer/swarm/swarm-message.ts';
import type { SwarmPeer } from '../../src/peer/swarm/swarm-port.ts';
import { writeBye } from '../../src/plan/swarm/write-beat.ts';
import { startNode, type TestDomain, type TestNode, type TestNodeOptions } from './peer-nodes.ts';

export const CONTENT = parseContentId('ab'.repeat(32));

/** A message that is told from others by its number. */
export function numbered(number: number): SwarmWireMessage {
  const body: SwarmWireBody = { kind: 'beat', beat: { ...writeBye(), pulseAgeMs: number }, addresses: new Map() };
  return { contentId: CONTENT, contentPort: 21_781, body };
}

/** A node and what its swarm channel told it. */
export interface SwarmNode extends TestNode {
  readonly swarm: SwarmSender;
  readonly heard: { readonly from: SwarmPeer; readonly body: SwarmWireBody }[];
  readonly lost: string[];
  /** The numbers of the {@link numbered} messages of a node, in the order in which they came. */
  numbersOf(node: { readonly identity: Identity }): number[];
}

/** Starts a node that speaks the swarm protocol; `listener` hears everything as well. */
export async function startSwarmNode(
  domain: TestDomain,
  options: TestNodeOptions = {},
  listener: Partial<SwarmChannelListener> = {},
): Promise<SwarmNode> {
  const heard: SwarmNode['heard'] = [];
  const lost: string[] = [];
  const swarmListener: SwarmChannelListener = {
    ...listener,
    heard(from, contentId, body) {
      heard.push({ from, body });
      listener.heard?.(from, contentId, body);
    },
    lost(nodeId) {
      lost.push(nodeId);
      listener.lost?.(nodeId);
    },
  };
  const node = await startNode(domain, { ...options, swarmListener });
  const { swarm } = node.network;
  if (swarm === null) throw new Error('the node has a listener, so it speaks the protocol');
  const numbersOf = ({ identity }: { identity: Identity }) =>
    heard.flatMap(({ from, body }) =>
      from.nodeId === identity.nodeId && body.kind === 'beat' ? [body.beat.pulseAgeMs] : [],
    );
  return { ...node, swarm, heard, lost, numbersOf };
}
