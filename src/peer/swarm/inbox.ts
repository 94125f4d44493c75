import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface';
import type { Clock } from '../../core/clock.ts';
import { NearbitsError } from '../../core/errors.ts';
import type { NodeId } from '../../core/ids.ts';
import type { Logger } from '../../observe/log.ts';
import { cancelled } from '../deadline.ts';
import { SourceLimiter } from '../discovery/rate-limit.ts';
import { remoteNodeOf, remoteOf } from '../libp2p-host.ts';
import type { MemberTable } from '../member-table.ts';
import { FrameReader } from '../protocol/frame-reader.ts';
import { decodeSwarmMessage } from '../protocol/swarm-codec.ts';
import { MAX_SWARM_BYTES } from '../protocol/wire.ts';
import { spareWindowUpdates } from './spare-windows.ts';
import type { SwarmChannelListener } from './swarm-message.ts';

/** Streams of one member that are read; a new one takes the place of the oldest, which may be left over from a connection that broke. */
const MAX_STREAMS_PER_PEER = 2;
/**
 * Messages that are read. A partner sends some 4 beats a second for each content, and one more for each piece from the
 * origin: 125 a second where one owner fills a link of 1 Gbit/s.
 */
const MESSAGE_RATES = {
  perSource: { burst: 1_000, perSecond: 250 },
  total: { burst: 4_000, perSecond: 2_000 },
  maxSources: 256,
} as const;
/** A message counts once, and once more for every so many bytes. */
const COUNTED_BYTES = 2 * 1024;

/** What the inbox works with. */
export interface InboxDeps {
  readonly self: NodeId;
  readonly members: MemberTable;
  readonly listener: SwarmChannelListener;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Who sends on a stream. */
interface Sender {
  readonly nodeId: NodeId;
  readonly host: string;
  /** Wall clock time, ms. */
  readonly provenUntilMs: number;
}

/** Reads what members send: from proven ones only, and not more than agreed. Whoever breaks a rule loses its stream. */
export class Inbox {
  readonly #deps: InboxDeps;
  readonly #limiter: SourceLimiter;
  readonly #streams = new Map<NodeId, Stream[]>();

  constructor(deps: InboxDeps) {
    this.#deps = deps;
    this.#limiter = new SourceLimiter(deps, MESSAGE_RATES);
  }

  /** Reads a stream that a peer opened, until it ends; never throws. */
  serve(stream: Stream, connection: Connection): void {
    try {
      const sender = this.#senderOf(connection);
      this.#add(sender.nodeId, stream);
      this.#read(stream, sender);
    } catch (error) {
      this.#refuse(stream, error as Error);
    }
  }

  #senderOf(connection: Connection): Sender {
    const { self, members } = this.#deps;
    const nodeId = remoteNodeOf(connection);
    const provenUntilMs = nodeId === self ? null : members.authenticatedUntilMs(nodeId);
    if (provenUntilMs === null) throw new NearbitsError('E_PEER_UNAUTHENTICATED', 'only other members are heard');
    return { nodeId, host: remoteOf(connection).host, provenUntilMs };
  }

  #add(nodeId: NodeId, stream: Stream): void {
    const streams = this.#streams.get(nodeId) ?? [];
    this.#streams.set(nodeId, streams);
    if (streams.length >= MAX_STREAMS_PER_PEER) streams.shift()?.abort(cancelled('too many streams of one member'));
    streams.push(stream);
    stream.addEventListener('close', () => this.#remove(nodeId, stream));
  }

  #remove(nodeId: NodeId, stream: Stream): void {
    const left = (this.#streams.get(nodeId) ?? []).filter((other) => other !== stream);
    if (left.length === 0) this.#streams.delete(nodeId);
    else this.#streams.set(nodeId, left);
  }

  #read(stream: Stream, sender: Sender): void {
    const reader = new FrameReader(MAX_SWARM_BYTES);
    const onMessage = ({ data }: StreamMessageEvent) => {
      try {
        for (const message of reader.add(data.subarray())) this.#take(message, sender);
      } catch (error) {
        this.#refuse(stream, error as Error);
      }
    };
    // The other end has said all: our side is closed as well, so that nothing of the stream stays.
    const onEnd = () => void stream.close().catch(() => undefined);
    stream.addEventListener('end', onEnd);
    spareWindowUpdates(stream);
    // Last, because what has already arrived is delivered by adding this listener.
    stream.addEventListener('message', onMessage);
    if (stream.readableEnded) onEnd();
  }

  #take(message: Uint8Array, { nodeId, host, provenUntilMs }: Sender): void {
    const { clock, listener, log } = this.#deps;
    if (provenUntilMs <= clock.wallMs()) throw new NearbitsError('E_PEER_UNAUTHENTICATED', 'its membership has ended');
    for (let counted = 0; counted <= message.length; counted += COUNTED_BYTES) {
      if (!this.#limiter.take(nodeId)) throw new NearbitsError('E_PEER_BUSY', 'more messages than can be read');
    }
    const { contentId, contentPort, body } = decodeSwarmMessage(message);
    try {
      listener.heard({ nodeId, host, contentPort }, contentId, body);
    } catch (error) {
      log.error({ err: error, nodeId }, 'what a member said could not be used');
    }
  }

  #refuse(stream: Stream, error: Error): void {
    this.#deps.log.debug({ err: error }, 'a stream of a swarm was refused');
    stream.abort(error);
  }
}
