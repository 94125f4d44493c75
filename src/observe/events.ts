import type { ErrorCode } from '../core/errors.ts';
import type { ContentId, JobId, NodeId, RecordId, TransferId } from '../core/ids.ts';

/** How a notification about a job reaches somebody. */
export type NotificationWay = 'subscriber' | 'webhook' | 'command';

/**
 * What moved between this node and its neighbours for one content since the last such event. Pieces are asked for some
 * hundred times a second, so they are told in sums, at most once a second for each content.
 */
export interface SwarmMoved {
  readonly type: 'swarm.moved';
  /** Null: requests that name no content which this node has a part in. */
  readonly contentId: ContentId | null;
  readonly givenBytes: number;
  readonly takenBytes: number;
  /** Requests of neighbours that were given bytes, whole answers or not. */
  readonly answered: number;
  /** Requests of neighbours that were refused, by HTTP status; 503 means that this node was busy. */
  readonly refused: Readonly<Record<string, number>>;
}

/**
 * What observers (command line, API clients, tests) can see happen. Nothing in
 * the node acts on these events; they are told, not obeyed.
 */
export type NodeEventBody =
  | { readonly type: 'node.started'; readonly nodeId: NodeId }
  | { readonly type: 'node.stopping' }
  | { readonly type: 'config.changed'; readonly keys: readonly string[] }
  | { readonly type: 'config.rejected'; readonly message: string }
  | { readonly type: 'domain.changed'; readonly domain: string | null }
  | { readonly type: 'peer.added'; readonly nodeId: NodeId; readonly via: string }
  | { readonly type: 'peer.authenticated'; readonly nodeId: NodeId }
  | { readonly type: 'peer.removed'; readonly nodeId: NodeId; readonly reason: string }
  | { readonly type: 'discovery.sent'; readonly message: 'hello' | 'probe' | 'probe-match' | 'interest' | 'mdns' }
  | { readonly type: 'discovery.failed'; readonly message: string }
  | { readonly type: 'search.answered'; readonly nodeId: NodeId; readonly status: string }
  | { readonly type: 'serve.started'; readonly nodeId: NodeId; readonly recordId: RecordId }
  | {
      readonly type: 'serve.finished';
      readonly nodeId: NodeId;
      readonly recordId: RecordId;
      readonly bytes: number;
    }
  | { readonly type: 'serve.refused'; readonly nodeId: NodeId | null; readonly status: number; readonly reason: string }
  | { readonly type: 'swarm.joined'; readonly contentId: ContentId; readonly url: string }
  | SwarmMoved
  | { readonly type: 'swarm.left'; readonly contentId: ContentId }
  | { readonly type: 'swarm.banned'; readonly contentId: ContentId; readonly nodeId: NodeId; readonly proven: boolean }
  | { readonly type: 'cache.admitted'; readonly recordId: RecordId; readonly url: string; readonly bytes: number }
  | { readonly type: 'cache.removed'; readonly recordId: RecordId; readonly reason: string }
  | { readonly type: 'cache.damaged'; readonly recordId: RecordId; readonly message: string }
  | { readonly type: 'cache.repaired'; readonly problem: string; readonly count: number }
  | { readonly type: 'index.rebuilt'; readonly setAside: string }
  | { readonly type: 'index.repaired'; readonly dropped: number; readonly setAside?: string }
  | { readonly type: 'job.created'; readonly jobId: JobId; readonly owner: string; readonly displayName: string }
  | { readonly type: 'job.state'; readonly jobId: JobId; readonly from: string; readonly to: string }
  | { readonly type: 'job.modified'; readonly jobId: JobId }
  | { readonly type: 'job.file-transferred'; readonly jobId: JobId; readonly file: number }
  | { readonly type: 'job.ended'; readonly jobId: JobId }
  | {
      readonly type: 'transfer.started';
      readonly transferId: TransferId;
      /** Index of the file in its job. */
      readonly file: number;
      readonly url: string;
    }
  | {
      readonly type: 'transfer.progress';
      readonly transferId: TransferId;
      readonly file: number;
      readonly bytesDone: number;
      readonly bytesTotal: number | null;
      readonly bytesFromPeers: number;
      readonly bytesFromOrigin: number;
      readonly bytesFromCache: number;
    }
  | { readonly type: 'transfer.completed'; readonly transferId: TransferId; readonly file: number }
  | {
      readonly type: 'transfer.shared';
      readonly transferId: TransferId;
      readonly file: number;
      readonly recordId: RecordId;
    }
  | {
      readonly type: 'transfer.failed';
      readonly transferId: TransferId;
      /** The file that failed, or null when it was none. */
      readonly file: number | null;
      readonly code: ErrorCode;
      readonly message: string;
    }
  | {
      readonly type: 'notification.delivered';
      readonly jobId: JobId;
      readonly notificationId: string;
      readonly way: NotificationWay;
    }
  | {
      readonly type: 'notification.failed';
      readonly jobId: JobId;
      readonly notificationId: string;
      readonly way: NotificationWay;
      readonly message: string;
    }
  | { readonly type: 'notification.refused'; readonly jobId: JobId; readonly program: string };

/** An event with its time, in milliseconds since 1970. */
export type NodeEvent = NodeEventBody & { readonly atMs: number };

/** Takes events; given to the parts that have something to tell. */
export type EmitEvent = (event: NodeEventBody) => void;

/** Hands each event to every listener; keeps none itself. */
export class EventBus {
  readonly #listeners = new Set<(event: NodeEvent) => void>();
  readonly #wallMs: () => number;

  constructor(deps: { readonly wallMs: () => number }) {
    this.#wallMs = deps.wallMs;
  }

  readonly emit: EmitEvent = (body) => {
    const event = { ...body, atMs: this.#wallMs() };
    for (const listener of [...this.#listeners]) listener(event);
  };

  /** Calls `listener` for each event from now on; the returned function ends it. */
  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
