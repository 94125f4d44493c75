import type { Libp2p, Stream, StreamHandler } from '@libp2p/interface';
import { silentLogger } from '../../src/observe/log.ts';
import type { Identity } from '../../src/peer/identity.ts';
import { startHost, tcpAddress } from '../../src/peer/libp2p-host.ts';
import { LOOPBACK, newIdentity } from './peer-nodes.ts';

/** A bare libp2p peer that says what it is told to, whatever the protocols allow. */
export interface RawPeer extends AsyncDisposable {
  readonly identity: Identity;
  readonly libp2p: Libp2p;
  /** Shaped like a node, so that nodes can be introduced to it. */
  readonly network: { readonly port: number };
}

export async function startRawPeer(
  handlers: Readonly<Record<string, StreamHandler>> = {},
  identity: Identity = newIdentity(),
): Promise<RawPeer> {
  const libp2p = await startHost(identity, silentLogger, {
    host: LOOPBACK,
    port: 0,
    maxConnections: 50,
    inboundPerSecond: 50,
    idleMs: 60_000,
    handshakeMs: 5_000,
  });
  for (const [protocol, handler] of Object.entries(handlers)) await libp2p.handle(protocol, handler);
  const port = Number(
    libp2p
      .getMultiaddrs()[0]
      ?.getComponents()
      .find(({ name }) => name === 'tcp')?.value,
  );
  return { identity, libp2p, network: { port }, [Symbol.asyncDispose]: async () => libp2p.stop() };
}

/** Opens a stream from a raw peer to a node. */
export async function rawStream(from: RawPeer, port: number, protocol: string): Promise<Stream> {
  const connection = await from.libp2p.dial(tcpAddress(LOOPBACK, port));
  return connection.newStream(protocol);
}

/** Resolves with how the stream ended. */
export function streamEnd(stream: Stream): Promise<Stream['status']> {
  return new Promise((resolve) => {
    if (stream.status !== 'open') return resolve(stream.status);
    stream.addEventListener('message', () => undefined);
    stream.addEventListener('close', () => resolve(stream.status));
  });
}
