import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { systemErrorCode } from '../../core/errors.ts';
import type { EmitEvent } from '../../observe/events.ts';
import type { Logger } from '../../observe/log.ts';
import type { LanInterface } from './interfaces.ts';
import type { DatagramPort, ReceiveDatagram } from './seams.ts';

/** What a {@link UdpPort} works with. */
export interface UdpPortDeps {
  readonly log: Logger;
  readonly emit: EmitEvent;
}

/** Where a {@link UdpPort} listens and sends. */
export interface UdpPortOptions {
  /** UDP port that all nodes of the subnet share, 1 to 65535. */
  readonly port: number;
}

interface OpenInterface {
  readonly lan: LanInterface;
  readonly sender: Socket;
  readonly receiver: Socket;
}

/**
 * Broadcast over UDP/IPv4: per interface one socket that sends from the interface's own address to the subnet's
 * broadcast address with TTL 1, and one that hears what is sent there. (255.255.255.255 would leave by the default
 * route only.) The receiving socket is bound to the broadcast address, so nothing that is sent to this machine alone
 * reaches it, and with address reuse, so that several nodes of one machine hear the same datagram.
 */
export class UdpPort implements DatagramPort {
  readonly #deps: UdpPortDeps;
  readonly #port: number;
  readonly #open = new Map<string, OpenInterface>();
  readonly #failing = new Set<string>();

  constructor(deps: UdpPortDeps, options: UdpPortOptions) {
    this.#deps = deps;
    this.#port = options.port;
  }

  async listen(interfaces: readonly LanInterface[], receive: ReceiveDatagram): Promise<readonly LanInterface[]> {
    const wanted = new Map(interfaces.map((lan) => [keyOf(lan), lan]));
    for (const [key, open] of this.#open) if (!wanted.has(key)) await this.#closeOne(key, open);
    for (const [key, lan] of wanted) if (!this.#open.has(key)) await this.#openOne(key, lan, receive);
    return [...this.#open.values()].map((open) => open.lan);
  }

  broadcast(lan: LanInterface, bytes: Uint8Array): void {
    const key = keyOf(lan);
    this.#open.get(key)?.sender.send(bytes, this.#port, lan.broadcast, (error) => {
      if (error !== null) this.#failed(key, lan, error);
    });
  }

  async close(): Promise<void> {
    for (const [key, open] of this.#open) await this.#closeOne(key, open);
  }

  async #openOne(key: string, lan: LanInterface, receive: ReceiveDatagram): Promise<void> {
    const sockets: Socket[] = [];
    try {
      const sender = await bindSocket(sockets, 0, lan.address);
      sender.setBroadcast(true);
      sender.setTTL(1);
      const receiver = await this.#bindReceiver(sockets, lan);
      receiver.on('message', (bytes, source) => receive(bytes, source.address, lan));
      const open = { lan, sender, receiver };
      for (const socket of sockets) socket.on('error', (error) => this.#broken(key, open, error));
      this.#open.set(key, open);
      if (this.#failing.delete(key))
        this.#deps.log.info({ interface: lan.name }, 'discovery works on the interface again');
    } catch (error) {
      await Promise.all(sockets.map(closeSocket));
      this.#failed(key, lan, error);
    }
  }

  // Windows cannot bind a broadcast address; the receiver of the datagrams then checks the subnet alone, as it always does.
  async #bindReceiver(sockets: Socket[], lan: LanInterface): Promise<Socket> {
    if (process.platform === 'win32') return await bindSocket(sockets, this.#port, '0.0.0.0');
    try {
      return await bindSocket(sockets, this.#port, lan.broadcast);
    } catch (error) {
      if (systemErrorCode(error) !== 'EADDRNOTAVAIL') throw error;
      return await bindSocket(sockets, this.#port, '0.0.0.0');
    }
  }

  // A socket that broke is closed; the next call of listen() opens it again.
  #broken(key: string, open: OpenInterface, error: Error): void {
    if (this.#open.get(key) !== open) return;
    this.#failed(key, open.lan, error);
    void this.#closeOne(key, open);
  }

  // Told once until the interface works again: a broken card must not fill the log.
  #failed(key: string, lan: LanInterface, error: unknown): void {
    if (this.#failing.has(key)) return;
    this.#failing.add(key);
    const message = error instanceof Error ? error.message : String(error);
    this.#deps.log.warn({ err: error, interface: lan.name, address: lan.address }, 'discovery fails on an interface');
    this.#deps.emit({ type: 'discovery.failed', message: `${lan.name} (${lan.address}): ${message}` });
  }

  async #closeOne(key: string, open: OpenInterface): Promise<void> {
    this.#open.delete(key);
    await Promise.all([closeSocket(open.sender), closeSocket(open.receiver)]);
  }
}

async function bindSocket(sockets: Socket[], port: number, address: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: port !== 0 });
  sockets.push(socket);
  socket.bind({ port, address, exclusive: true });
  await once(socket, 'listening');
  return socket;
}

async function closeSocket(socket: Socket): Promise<void> {
  socket.removeAllListeners('message');
  try {
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  } catch {
    // A socket that is closed already is what we wanted.
  }
}

// An interface that comes back with another address or mask is another one.
function keyOf(lan: LanInterface): string {
  return `${lan.name} ${lan.address} ${lan.mask}`;
}
