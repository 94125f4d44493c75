import type { Clock } from '../../../src/core/clock.ts';
import type { NodeId } from '../../../src/core/ids.ts';
import type { Random } from '../../../src/core/random.ts';
import type { MachineInterfaces } from '../../../src/peer/discovery/interfaces.ts';
import type { DatagramPort, Mdns, MdnsListener, ReceiveDatagram } from '../../../src/peer/discovery/seams.ts';

/** How a simulated subnet treats datagrams. */
export interface LanRules {
  /** Latency of each datagram in milliseconds, uniform between the two. */
  readonly latencyMs: readonly [number, number];
  /** Part of the deliveries that are lost, 0 to 1. */
  readonly loss: number;
  /** Whether subnet broadcast passes; many managed wireless networks filter it. */
  readonly broadcast: boolean;
  /** Whether multicast DNS passes. */
  readonly mdns: boolean;
}

/** Datagrams that nodes sent, and that reached other nodes. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

/** A machine on the subnet: the seams that a node's discovery takes. */
export interface Station {
  readonly host: string;
  readonly port: DatagramPort;
  readonly openMdns: (listener: MdnsListener) => Mdns;
  readonly networkInterfaces: () => MachineInterfaces;
}

type Deliver = (to: StationState) => void;

interface StationState {
  readonly host: string;
  readonly nodeId: NodeId;
  receive: ((bytes: Uint8Array, sourceHost: string) => void) | null;
  mdns: MdnsListener | null;
}

const TCP_PORT = 21_780;

/** A /16 subnet in one process: each datagram reaches every station after a while, unless it is lost or filtered. */
export class SimulatedLan {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #rules: LanRules;
  readonly #stations = new Set<StationState>();
  #datagrams = { sent: 0, received: 0 };
  #mdns = { sent: 0, received: 0 };

  constructor(deps: { readonly clock: Clock; readonly random: Random }, rules: LanRules) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#rules = rules;
  }

  /** Traffic since the last call. */
  takeTraffic(): { readonly datagrams: Traffic; readonly mdns: Traffic } {
    const taken = { datagrams: this.#datagrams, mdns: this.#mdns };
    this.#datagrams = { sent: 0, received: 0 };
    this.#mdns = { sent: 0, received: 0 };
    return taken;
  }

  /** Plugs in the machine with this number, 0 to 65,000. */
  station(index: number, nodeId: NodeId): Station {
    const host = `10.0.${(index + 1) >> 8}.${(index + 1) & 255}`;
    const state: StationState = { host, nodeId, receive: null, mdns: null };
    this.#stations.add(state);
    return {
      host,
      port: this.#portOf(state),
      openMdns: (listener) => this.#mdnsOf(state, listener),
      networkInterfaces: () => interfacesWith(host),
    };
  }

  #portOf(station: StationState): DatagramPort {
    return {
      listen: async (interfaces, receive: ReceiveDatagram) => {
        const lan = interfaces[0];
        station.receive = lan === undefined ? null : (bytes, source) => receive(bytes, source, lan);
        return interfaces;
      },
      broadcast: (_lan, bytes) => {
        this.#datagrams.sent++;
        const deliver: Deliver = (to) => to.receive?.(bytes, station.host);
        if (this.#rules.broadcast) this.#spread(station, this.#datagrams, (to) => to.receive !== null, deliver);
      },
      close: async () => {
        station.receive = null;
        this.#stations.delete(station);
      },
    };
  }

  // As @libp2p/mdns does: a question reaches every member and its sender too, an answer everybody but its sender.
  #mdnsOf(station: StationState, listener: MdnsListener): Mdns {
    return {
      ask: async () => {
        station.mdns = listener;
        this.#say(station, (to) => to.mdns?.asked(() => this.#tellAbout(to)));
        listener.asked(() => this.#tellAbout(station));
      },
      stop: async () => {
        station.mdns = null;
      },
    };
  }

  #tellAbout(station: StationState): void {
    if (station.mdns === null) return;
    const addresses = [{ host: station.host, port: TCP_PORT }];
    this.#say(station, (to) => to.mdns?.found(station.nodeId, addresses));
  }

  #say(station: StationState, deliver: Deliver): void {
    this.#mdns.sent++;
    if (this.#rules.mdns) this.#spread(station, this.#mdns, (to) => to.mdns !== null, deliver);
  }

  #spread(
    from: StationState,
    traffic: { received: number },
    hears: (to: StationState) => boolean,
    deliver: Deliver,
  ): void {
    const [least, most] = this.#rules.latencyMs;
    this.#clock.after(least + this.#random() * (most - least), () => {
      for (const to of this.#stations) {
        if (to === from || !hears(to) || this.#random() < this.#rules.loss) continue;
        traffic.received++;
        deliver(to);
      }
    });
  }
}

function interfacesWith(host: string): MachineInterfaces {
  const shared = { family: 'IPv4', internal: false, mac: '02:00:00:00:00:01', cidr: null } as const;
  return { eth0: [{ ...shared, address: host, netmask: '255.255.0.0' }] };
}
