import type { Clock } from '../../core/clock.ts';
import type { NodeId } from '../../core/ids.ts';
import { FILE_UPLOADS, type UploadLimits, UploadSlots } from '../../plan/swarm/uploads.ts';

/** What is answered: pieces of a content each of which can be proven, pieces of one given by its holders, a descriptor. */
export type AnswerKind = 'pieces' | 'file' | 'descriptor';

/** Each of at most 272 KiB, for whoever is about to ask others too. */
const DESCRIPTOR_UPLOADS: UploadLimits = { requests: 8, clients: 64 };

/** The places for answers to a swarm. They are taken at once or not at all: whoever finds none asks somebody else meanwhile. */
export class PiecePlaces {
  readonly #clock: Clock;
  readonly #slots: Readonly<Record<AnswerKind, UploadSlots>>;

  constructor(deps: { readonly clock: Clock }, limits: UploadLimits) {
    this.#clock = deps.clock;
    this.#slots = {
      pieces: new UploadSlots(limits),
      file: new UploadSlots(fileLimits(limits)),
      descriptor: new UploadSlots(DESCRIPTOR_UPLOADS),
    };
  }

  /** Takes new limits; answers that run go on. */
  update(limits: UploadLimits): void {
    this.#slots.pieces.update(limits);
    this.#slots.file.update(fileLimits(limits));
  }

  /** Takes a place and returns what gives it back, once; null when there is none. See {@link UploadSlots.admit} for `isUserBusy`. */
  enter(kind: AnswerKind, nodeId: NodeId, isUserBusy: boolean): (() => void) | null {
    const slots = this.#slots[kind];
    if (!slots.admit(nodeId, this.#clock.monotonicMs(), isUserBusy)) return null;
    return () => slots.done(nodeId, this.#clock.monotonicMs());
  }
}

function fileLimits({ requests, clients }: UploadLimits): UploadLimits {
  return {
    requests: Math.min(requests, FILE_UPLOADS.requests),
    clients: Math.min(clients, FILE_UPLOADS.clients),
  };
}
