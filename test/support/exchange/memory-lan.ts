import { createHash, randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor } from '../../../src/content/descriptor.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { NearbitsError } from '../../../src/core/errors.ts';
import type { ContentId, NodeId } from '../../../src/core/ids.ts';
import { seededRandom } from '../../../src/core/random.ts';
import type { SourceKind } from '../../../src/core/source.ts';
import { contentOf, type ExchangeContent } from '../../../src/exchange/content.ts';
import { Exchange } from '../../../src/exchange/exchange.ts';
import type { JoinedFetch } from '../../../src/exchange/joined-fetch.ts';
import type { ExchangeSide, PieceQuestion, PieceTaker } from '../../../src/exchange/side.ts';
import { shareFile } from '../../../src/fetch/share.ts';
import type { NodeEventBody } from '../../../src/observe/events.ts';
import { type Identity, loadOrCreateIdentity } from '../../../src/peer/identity.ts';
import { signPieceReceipt } from '../../../src/peer/protocol/receipt-codec.ts';
import type { SwarmPeer } from '../../../src/peer/swarm/swarm-port.ts';
import { SWARM_PATIENCE, type SwarmPatience } from '../../../src/plan/swarm/followers.ts';
import type { SharedPieces } from '../../../src/serve/pieces/shared-pieces.ts';
import { PartFile } from '../../../src/transfer/part-file.ts';
import { CacheFixture } from '../cache-fixture.ts';
import { ScriptedSource, type SourceScript } from '../scripted-source.ts';

const URL = 'http://origin.test/update.bin';

/** A file at an origin, and what its Metalink document would say. */
export class LanFile {
  readonly bytes: Buffer;
  readonly version: { readonly size: number; readonly lastModifiedMs: number; readonly etag: string };
  readonly pieceSize: number;

  constructor(size: number, pieceSize: number) {
    this.bytes = randomBytes(size);
    this.version = { size, lastModifiedMs: 1_600_000_000_000, etag: '"1"' };
    this.pieceSize = pieceSize;
  }

  get content(): { readonly size: number; read(start: number, end: number): Buffer } {
    return { size: this.bytes.length, read: (start, end) => Buffer.from(this.bytes.subarray(start, end)) };
  }

  get descriptor(): Descriptor {
    const { size } = this.version;
    const count = Math.ceil(size / this.pieceSize);
    const pieces = Array.from({ length: count }, (_, piece) =>
      createHash('sha256')
        .update(this.bytes.subarray(piece * this.pieceSize, (piece + 1) * this.pieceSize))
        .digest(),
    );
    return { size, pieceSize: this.pieceSize, pieces, sha256: null, anchor: { kind: 'metalink', url: `${URL}.meta4` } };
  }
}

/** How one node behaves. */
export interface LanNodeScript {
  readonly origin?: SourceScript;
  /** Changes the bytes that this node gives, and signs what it gives. */
  readonly givesWrong?: 'signed' | 'unsigned';
  /** Answers in place of this node whoever asks it for pieces. */
  readonly gives?: (question: PieceQuestion, taker: PieceTaker, signal: AbortSignal) => Promise<void>;
  readonly patience?: SwarmPatience;
  /** What comparing the whole file takes. */
  readonly compares?: () => Promise<void>;
}

/** A node without sockets: its exchange, part files and origin are real, its neighbours are called directly. */
export class LanNode implements ExchangeSide {
  readonly identity: Identity;
  readonly exchange: Exchange;
  readonly origin: ScriptedSource;
  readonly events: NodeEventBody[] = [];
  readonly notes: string[] = [];
  readonly failures: NodeId[] = [];
  /** What it asked its neighbours for. */
  readonly asked: PieceQuestion[] = [];
  readonly received = { cache: 0, peer: 0, origin: 0 };
  /** Behaviour from now on. */
  script: LanNodeScript;
  readonly #lan: MemoryLan;
  readonly #dir: string;
  readonly #cache: CacheFixture;
  part: PartFile | null = null;
  joined: JoinedFetch | null = null;
  alive = true;

  private constructor(lan: MemoryLan, cache: CacheFixture, identity: Identity, index: number, script: LanNodeScript) {
    this.#lan = lan;
    this.#dir = cache.dir;
    this.#cache = cache;
    this.script = script;
    this.identity = identity;
    this.origin = new ScriptedSource(lan.file.content, { kind: 'origin', id: 'origin', ...script.origin });
    const random = seededRandom(index + 1);
    const emit = (event: NodeEventBody) => void this.events.push(event);
    this.exchange = new Exchange({ identity, cache: cache.cache, clock: systemClock, random, emit });
    this.exchange.attach(this);
  }

  static async open(lan: MemoryLan, folder: string, index: number, script: LanNodeScript): Promise<LanNode> {
    const dir = join(folder, `node-${index}`);
    await mkdir(dir, { recursive: true });
    const cache = new CacheFixture(dir);
    await cache.open();
    return new LanNode(lan, cache, await loadOrCreateIdentity(dir), index, script);
  }

  get nodeId(): NodeId {
    return this.identity.nodeId;
  }

  readonly swarm: ExchangeSide['swarm'] = {
    send: (to, contentId, body) => {
      setImmediate(() => {
        const node = this.#lan.find(to);
        if (node === null) this.exchange.lost(to);
        else if (this.alive) node.exchange.heard(this.peer, contentId, structuredClone(body));
      });
    },
    tellInterest: (contentId) => this.#lan.tell(contentId, this.nodeId),
    interestedIn: (contentId) => this.#lan.interestedIn(contentId),
  };

  get destination(): string {
    return join(this.#dir, 'update.bin');
  }

  get peer(): SwarmPeer {
    return { nodeId: this.nodeId, host: '127.0.0.1', contentPort: 1 };
  }

  async fetchPieces(from: SwarmPeer, question: PieceQuestion, taker: PieceTaker, signal: AbortSignal): Promise<void> {
    const giver = this.#lan.find(from.nodeId);
    if (giver === null) throw new NearbitsError('E_PEER_UNREACHABLE', 'gone');
    this.asked.push(question);
    await (giver.script.gives?.(question, taker, signal) ?? giver.give(question, taker, signal));
  }

  async fetchDescriptor(from: SwarmPeer, contentId: ContentId): Promise<Uint8Array> {
    const signed = this.#lan.find(from.nodeId)?.exchange.find(contentId)?.signedDescriptor() ?? null;
    if (signed === null) throw new NearbitsError('E_PEER_GONE', 'no descriptor');
    return signed;
  }

  failed(nodeId: NodeId): void {
    this.failures.push(nodeId);
  }

  /** Answers as the content server does, without limits. */
  async give(question: PieceQuestion, { onReceipts, sink }: PieceTaker, signal: AbortSignal): Promise<void> {
    const pieces = this.exchange.find(question.contentId);
    if (pieces === null) throw new NearbitsError('E_PEER_GONE', 'nothing to give');
    const { range, pieceSize } = question;
    const first = range.start / pieceSize;
    const count = Math.ceil((range.end - range.start) / pieceSize);
    onReceipts(Array.from({ length: count }, (_, index) => this.#receipt(pieces, first + index)));
    const give = (chunk: Uint8Array) => (this.alive ? sink(this.#spoiled(chunk)) : gone());
    await pieces.read(range, give, signal).catch((error: NearbitsError) => {
      // The server would break off: what is wrong with its file is nothing that the other end hears.
      throw error.code === 'E_NOT_FOUND' ? new NearbitsError('E_PEER_UNREACHABLE', 'gone', { cause: error }) : error;
    });
    this.exchange.given(question.contentId, range.end - range.start);
  }

  /** Joins and fetches the file of the LAN to the end. */
  async fetch(content: ExchangeContent, signal: AbortSignal): Promise<void> {
    const joined = await this.join(content);
    joined.allowOrigin();
    await this.run(joined, signal);
  }

  /** Opens the part file and joins, without asking anybody for anything. */
  async join(content: ExchangeContent): Promise<JoinedFetch> {
    const { version } = this.#lan.file;
    const ranges = [{ start: 0, end: version.size }];
    this.part = await PartFile.open({ destination: this.destination, url: URL, version, ranges });
    const joined = this.exchange.join(content, {
      part: this.part,
      origin: this.origin,
      note: (code) => void this.notes.push(code),
      listener: { onBytes: (kind, bytes) => this.#took(kind, bytes), onProven: () => {} },
      originRetries: 2,
      patience: this.script.patience ?? SWARM_PATIENCE,
    });
    if (typeof joined === 'string') throw new Error(joined);
    this.joined = joined;
    return joined;
  }

  /** Fetches what was joined to the end. */
  async run(joined: JoinedFetch, signal: AbortSignal): Promise<void> {
    const part = this.part as PartFile;
    try {
      await joined.run(signal);
    } catch (error) {
      joined.leave();
      await part.close();
      throw error;
    }
    await this.script.compares?.();
    await part.seal();
    await joined.accepted();
    await this.#share();
  }

  /** Leaves, and closes what it has open. */
  async stop(): Promise<void> {
    this.exchange.stop();
    await this.#cache.close();
  }

  /** Dies at once: nothing is said, nothing is answered any more. */
  die(): void {
    this.alive = false;
  }

  // As the completion of a job does.
  async #share(): Promise<void> {
    const part = this.part as PartFile;
    const { url, version, ranges, destination } = part.target;
    const pieces = part.pieces();
    const delivered = {
      url,
      version,
      lastModifiedMs: null,
      bytes: version.size,
      sha256: null,
      share: { allowed: true },
    } as const;
    const file = { delivered, path: part.path, ranges, whole: true, pieces, pieceSize: part.pieceSize };
    const record = await shareFile(file, { cache: this.#cache.cache }, new AbortController().signal);
    this.exchange.shared(destination, record, pieces);
  }

  #took(kind: SourceKind, bytes: number): void {
    this.received[kind] += bytes;
  }

  #receipt(pieces: SharedPieces, piece: number): Uint8Array {
    const hash = pieces.hashOf(piece);
    if (hash === null) throw new NearbitsError('E_PEER_GONE', 'not that piece');
    const sha256 = this.script.givesWrong === 'signed' ? createHash('sha256').update(hash).digest() : hash;
    return signPieceReceipt({ descriptorId: pieces.descriptorId, pieceIndex: piece, sha256 }, this.identity);
  }

  #spoiled(chunk: Uint8Array): Uint8Array {
    if (this.script.givesWrong === undefined) return chunk;
    const copy = Uint8Array.from(chunk);
    copy[0] = (copy[0] as number) ^ 1;
    return copy;
  }
}

/** Some nodes that reach each other at once. */
export class MemoryLan {
  readonly file: LanFile;
  readonly #nodes = new Map<NodeId, LanNode>();
  readonly #interested = new Map<ContentId, Set<NodeId>>();

  constructor(file: LanFile) {
    this.file = file;
  }

  /** Adds nodes; `scripts` says by index how they behave. */
  async open(folder: string, count: number, scripts: Readonly<Record<number, LanNodeScript>> = {}): Promise<LanNode[]> {
    const nodes: LanNode[] = [];
    for (let index = 0; index < count; index++) {
      nodes.push(await LanNode.open(this, folder, this.#nodes.size, scripts[index] ?? {}));
      this.#nodes.set((nodes.at(-1) as LanNode).nodeId, nodes.at(-1) as LanNode);
    }
    return nodes;
  }

  /** The content of the file: with the pieces of its document, or without any. */
  content(anchored: boolean): ExchangeContent {
    const descriptor = anchored ? this.file.descriptor : null;
    return contentOf({ url: URL, version: this.file.version, descriptor }, { pieceSize: 1024 * 1024 }, true);
  }

  find(nodeId: NodeId): LanNode | null {
    const node = this.#nodes.get(nodeId);
    return node?.alive ? node : null;
  }

  tell(contentId: ContentId, nodeId: NodeId): void {
    const known = this.#interested.get(contentId) ?? new Set();
    this.#interested.set(contentId, known.add(nodeId));
    for (const node of this.#nodes.values()) {
      if (node.nodeId !== nodeId && node.alive) setImmediate(() => node.exchange.interested(contentId, nodeId, 0));
    }
  }

  interestedIn(contentId: ContentId) {
    return [...(this.#interested.get(contentId) ?? [])].map((nodeId) => ({ nodeId, ageMs: 0 }));
  }

  /** Bytes that the origin sent to all. */
  get originBytes(): number {
    return [...this.#nodes.values()].reduce((sum, { origin }) => sum + origin.bytesSent, 0);
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes.values()) await node.stop();
  }
}

function gone(): never {
  throw new NearbitsError('E_PEER_UNREACHABLE', 'died while it answered');
}
