import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../core/clock.ts';

/** Looking takes microseconds, and a person notices a delay of seconds only. */
const LOOK_EVERY_MS = 2_000;

/** Tells whether this machine has a network at all: any interface beside loopback with an address that leads somewhere. */
export class NetworkWatch {
  readonly #clock: Clock;
  readonly #look: () => boolean;
  readonly #listeners = new Set<(online: boolean) => void>();
  #online: boolean;
  #timer: Timer | null = null;

  constructor(deps: { readonly clock: Clock }, look: () => boolean = () => hasNetwork(networkInterfaces())) {
    this.#clock = deps.clock;
    this.#look = look;
    this.#online = look();
  }

  get online(): boolean {
    return this.#online;
  }

  /** Begins to look every two seconds; `listener` is told each change until the watch stops. */
  start(listener: (online: boolean) => void): void {
    this.#listeners.add(listener);
    this.#timer ??= this.#clock.after(LOOK_EVERY_MS, () => this.#check());
  }

  /** Looks no more. Idempotent. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#listeners.clear();
  }

  #check(): void {
    const online = this.#look();
    const changed = online !== this.#online;
    this.#online = online;
    this.#timer = this.#clock.after(LOOK_EVERY_MS, () => this.#check());
    if (changed) for (const listener of [...this.#listeners]) listener(online);
  }
}

/** Link-local addresses are what an interface gives itself when nobody answers (RFC 3927, RFC 4291). */
export function hasNetwork(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): boolean {
  const addresses = Object.values(interfaces).flatMap((all) => all ?? []);
  return addresses.some(
    ({ internal, address }) => !internal && !address.startsWith('169.254.') && !/^fe[89ab]/i.test(address),
  );
}

/** Whether a host lies on this machine, so that it needs no network. */
export function isThisMachine(hostname: string): boolean {
  const host = hostname.toLowerCase();
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
