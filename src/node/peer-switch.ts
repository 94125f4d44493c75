import type { Config } from '../config/config.ts';
import type { Timer } from '../core/clock.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import { loadMembership, type Membership } from '../domain/membership.ts';
import type { Sharing } from '../fetch/deps.ts';
import type { PeerSide, PeerSideDeps } from './peer-side.ts';

/** Keys that are read when sockets are opened; a change of any of them closes and opens the side anew. */
const REOPENING = ['peers.', 'listen.', 'discovery.', 'swarm.enabled'];

/** The longest wait for the end of a membership before it is looked at again: the clock may be set meanwhile. */
const LONGEST_TIMER_MS = 3_600_000;

/** What the switch works with: all that the side needs but the membership, which it looks after itself. */
export interface PeerSwitchDeps extends Omit<PeerSideDeps, 'membership'> {
  /** The folder `domain` of the data directory. */
  readonly domainDir: string;
}

/**
 * Keeps the side that faces the neighbours open exactly while membership and
 * configuration allow it. Changes queue up behind each other.
 */
export class PeerSwitch {
  readonly #deps: PeerSwitchDeps;
  #membership: Membership | null = null;
  /** Why there is no membership, while there is none. */
  #outside = '';
  #side: PeerSide | null = null;
  #reason = 'the node is starting';
  #turn: Promise<unknown> = Promise.resolve();
  #expiry: Timer | null = null;
  #closed = false;

  constructor(deps: PeerSwitchDeps) {
    this.#deps = deps;
  }

  get membership(): Membership | null {
    return this.#membership;
  }

  /** The open side, or why there is none. */
  get current(): Sharing<PeerSide> {
    return this.#side === null ? { on: false, reason: this.#reason } : { on: true, use: this.#side };
  }

  /**
   * Opens the side for the first time.
   * @throws NearbitsError E_LISTEN when a port is taken.
   */
  async open(config: Config): Promise<void> {
    await this.#loadMembership();
    await this.#reopen(config);
  }

  /** Reads the membership again and follows it; returns whether it changed. */
  reloadMembership(config: Config): Promise<boolean> {
    return this.#inTurn(async () => {
      const before = this.#membership;
      await this.#loadMembership();
      if (this.#membership === null) this.#reason = this.#outside;
      if (sameMembership(before, this.#membership)) return false;
      this.#deps.emit({ type: 'domain.changed', domain: this.#membership?.domain ?? null });
      this.#deps.roster.forgive();
      await this.#reopenOrExplain(config);
      return true;
    });
  }

  /** Looks at the membership again when it ends: from then on every neighbour would refuse it. `config` gives the configuration of then. */
  watchExpiry(config: () => Config): void {
    const { clock, log } = this.#deps;
    const membership = this.#membership;
    this.#expiry?.cancel();
    if (this.#closed) return;
    const inMs = membership === null ? LONGEST_TIMER_MS : membership.notAfterMs - clock.wallMs();
    this.#expiry = clock.after(Math.min(Math.max(0, inMs) + 1000, LONGEST_TIMER_MS), () => {
      this.reloadMembership(config())
        .catch((error) => log.error({ err: error }, 'the membership could not be read again'))
        .finally(() => this.watchExpiry(config));
    });
  }

  /** Follows a change of the configuration. */
  follow(config: Config, changed: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const reopens = changed.some((key) => REOPENING.some((prefix) => key.startsWith(prefix)));
      if (reopens) await this.#reopenOrExplain(config);
      else await this.#side?.update(config);
    });
  }

  /** Closes the side for good: a change that comes later opens nothing. */
  close(): Promise<void> {
    this.#closed = true;
    this.#expiry?.cancel();
    return this.#inTurn(() => this.#close('the node is stopping'));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  // A membership that cannot be used turns the side off; fetching from origins goes on.
  async #loadMembership(): Promise<void> {
    const { domainDir, identity, clock, log } = this.#deps;
    try {
      this.#membership = await loadMembership(domainDir, identity.nodeId, clock);
      this.#outside = 'this machine is in no domain; see `nearbits domain`';
    } catch (error) {
      const failure = toNearbitsError(error);
      log.error({ err: failure }, 'the domain membership cannot be used: neighbours are off');
      this.#membership = null;
      this.#outside = failure.message;
    }
  }

  async #reopen(config: Config): Promise<void> {
    if (this.#closed) return;
    await this.#close(this.#membership === null ? this.#outside : 'the sockets are being opened');
    if (this.#membership === null) return;
    if (!config.peers.enabled) this.#reason = 'peers.enabled is false';
    else if (!config.peers.client && !config.peers.server) this.#reason = 'peers.client and peers.server are false';
    else this.#side = await startSide({ ...this.#deps, membership: this.#membership }, config);
  }

  // At a change there is nobody to hand an error to: the reason is kept for the status and the log.
  async #reopenOrExplain(config: Config): Promise<void> {
    try {
      await this.#reopen(config);
    } catch (error) {
      const failure = error instanceof NearbitsError ? error : toNearbitsError(error);
      this.#reason = failure.message;
      this.#deps.log.error({ err: failure }, 'the sockets for neighbours could not be opened');
    }
  }

  async #close(reason: string): Promise<void> {
    const side = this.#side;
    this.#side = null;
    this.#reason = reason;
    await side?.stop();
  }
}

// Loaded only when it is needed: a node without a domain is spared libp2p, half of its memory and start-up time.
async function startSide(deps: PeerSideDeps, config: Config): Promise<PeerSide> {
  const { PeerSide } = await import('./peer-side.ts');
  return PeerSide.start(deps, config);
}

function sameMembership(a: Membership | null, b: Membership | null): boolean {
  if (a === null || b === null) return a === b;
  return a.chainPem === b.chainPem && a.caPem === b.caPem && a.keyPem === b.keyPem && sameLists(a, b);
}

function sameLists(a: Membership, b: Membership): boolean {
  const text = ({ trust }: Membership) =>
    JSON.stringify(trust.revocationLists.map((list) => [list.issuer, [...list.serials]]));
  return text(a) === text(b);
}
