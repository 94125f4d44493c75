import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import type { NodeId } from '../core/ids.ts';
import type { Membership } from '../domain/membership.ts';
import { parseIntermediates, verifyTlsPeer } from '../domain/tls-peer.ts';

interface Proof {
  readonly intermediates: readonly Uint8Array[];
  readonly membership: Membership;
  readonly nodeId: NodeId;
  readonly notAfterMs: number;
}

/** Knows who is at the other end of each connection, and how many connections an address has. */
export class MemberConnections {
  readonly #membership: () => Membership;
  readonly #clock: Clock;
  readonly #maxPerAddress: number;
  readonly #proofs = new WeakMap<TLSSocket, Proof>();
  readonly #open = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();

  constructor(
    deps: { readonly membership: () => Membership; readonly clock: Clock },
    options: { readonly maxPerAddress: number },
  ) {
    this.#membership = deps.membership;
    this.#clock = deps.clock;
    this.#maxPerAddress = options.maxPerAddress;
  }

  /** Counts a new TCP connection in, before any TLS; false when its address has too many and it must be closed. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress;
    if (address === undefined) return false;
    const open = this.#perAddress.get(address) ?? 0;
    if (open >= this.#maxPerAddress) return false;
    this.#perAddress.set(address, open + 1);
    this.#open.add(socket);
    socket.once('close', () => this.#closed(socket, address));
    return true;
  }

  /**
   * The member at the other end; `chainHeader` is what the request says under CHAIN_HEADER, which a client
   * sends with the first request of a connection. Cheap when asked again: the proof is repeated only when it has run out
   * or the membership (with its revocation list) is another one than before.
   * @throws NearbitsError E_CERTIFICATE; the connection must be closed then.
   */
  prove(socket: TLSSocket, chainHeader: string | undefined): NodeId {
    const membership = this.#membership();
    const nowMs = this.#clock.wallMs();
    const known = this.#proofs.get(socket);
    if (known?.membership === membership && nowMs <= known.notAfterMs) return known.nodeId;
    const intermediates = known?.intermediates ?? parseIntermediates(chainHeader);
    const member = verifyTlsPeer(socket, membership.trust, null, nowMs, intermediates);
    this.#proofs.set(socket, { membership, intermediates, ...member });
    return member.nodeId;
  }

  /** Closes every connection, also those that have not come to HTTP yet and that the server would wait for. */
  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #closed(socket: Socket, address: string): void {
    this.#open.delete(socket);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}
