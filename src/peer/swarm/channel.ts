import type { Connection, Stream } from '@libp2p/interface';
import type { NodeId } from '../../core/ids.ts';
import type { Logger } from '../../observe/log.ts';
import { frame } from '../protocol/frames.ts';
import { encodeSwarmMessage } from '../protocol/swarm-codec.ts';
import { type DialDeps, dialMember } from './dialler.ts';
import { Inbox } from './inbox.ts';
import { Outbox } from './outbox.ts';
import type { SwarmAddress, SwarmChannelListener, SwarmSender, SwarmWireMessage } from './swarm-message.ts';

/** What the channel works with. */
export interface SwarmChannelDeps extends DialDeps {
  readonly self: NodeId;
  readonly listener: SwarmChannelListener;
  readonly log: Logger;
}

/**
 * The messages of all contents between this node and others, protocol /nearbits/swarm/1: one stream to each member it
 * talks to, and one from each that talks to it.
 */
export class SwarmChannel implements SwarmSender {
  readonly #deps: SwarmChannelDeps;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;

  /** @param options.openMs how long connecting, exchanging memberships and choosing the protocol may take together, in ms. */
  constructor(deps: SwarmChannelDeps, options: { readonly openMs: number }) {
    this.#deps = deps;
    this.#inbox = new Inbox(deps);
    const open = async (nodeId: NodeId, proveAnew: boolean, signal: AbortSignal) => {
      const target = { nodeId, addresses: this.#addressesOf(nodeId), proveAnew, timeoutMs: options.openMs };
      return dialMember(deps, target, signal);
    };
    this.#outbox = new Outbox({ ...deps, open, lost: (nodeId) => this.#tellLost(nodeId) });
  }

  send(to: NodeId, message: SwarmWireMessage): void {
    try {
      this.#outbox.send(to, frame(encodeSwarmMessage(message)));
    } catch (error) {
      this.#deps.log.error({ err: error, nodeId: to }, 'a message for a member could not be written');
      this.#outbox.tellLost(to);
    }
  }

  /** Reads a stream that a peer opened; never throws. */
  serve(stream: Stream, connection: Connection): void {
    this.#inbox.serve(stream, connection);
  }

  /** Ends the streams to others and tells nobody. Those from others are closed with their connections. */
  stop(): void {
    this.#outbox.stop();
  }

  #addressesOf(nodeId: NodeId): readonly SwarmAddress[] {
    const { listener, roster } = this.#deps;
    return listener.addressesOf?.(nodeId) ?? roster.get(nodeId)?.addresses ?? [];
  }

  #tellLost(nodeId: NodeId): void {
    try {
      this.#deps.listener.lost(nodeId);
    } catch (error) {
      this.#deps.log.error({ err: error, nodeId }, 'the loss of a member could not be used');
    }
  }
}
