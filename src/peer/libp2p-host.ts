import { isIPv6 } from 'node:net';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import type { Connection, Libp2p } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { NearbitsError } from '../core/errors.ts';
import { type NodeId, parseNodeId } from '../core/ids.ts';
import type { Logger } from '../observe/log.ts';
import type { Identity } from './identity.ts';
import { libp2pLoggers } from './libp2p-log.ts';

/** Limits of the libp2p host. */
export interface HostOptions {
  /** IP address to listen on. */
  readonly host: string;
  /** TCP port; 0 takes any free one. */
  readonly port: number;
  /** Connections in both directions together. */
  readonly maxConnections: number;
  /** New connections accepted from one address within a second. */
  readonly inboundPerSecond: number;
  /** Connections without traffic for this long are closed, in ms. */
  readonly idleMs: number;
  /** How long connecting, encrypting and choosing a protocol may take, each, in ms. */
  readonly handshakeMs: number;
}

// Our messages have at most 1 MiB. A window of 256 KiB (the smallest that yamux allows) and a read buffer of twice that
// bound what a stream can hold; libp2p's defaults are 16 MiB and 4 MiB.
const WINDOW_BYTES = 256 * 1024;
const MAX_STREAMS = 128;

/**
 * Starts a libp2p host with just what the node needs: TCP, Noise, yamux. No identify, no relay, no pinging: connections
 * are kept while they are used, and closed when they idle.
 * @throws NearbitsError E_LISTEN when the port cannot be opened.
 */
export async function startHost(identity: Identity, log: Logger, options: HostOptions): Promise<Libp2p> {
  const { host, port, maxConnections, inboundPerSecond, idleMs, handshakeMs } = options;
  try {
    return await createLibp2p({
      privateKey: libp2pKey(identity),
      addresses: { listen: [tcpAddress(host, port).toString()] },
      transports: [tcp({ inboundSocketInactivityTimeout: idleMs, outboundSocketInactivityTimeout: idleMs })],
      connectionEncrypters: [noise()],
      streamMuxers: [
        yamux({
          enableKeepAlive: false,
          maxInboundStreams: MAX_STREAMS,
          maxOutboundStreams: MAX_STREAMS,
          streamOptions: {
            initialStreamWindowSize: WINDOW_BYTES,
            maxStreamWindowSize: WINDOW_BYTES,
            maxReadBufferLength: 2 * WINDOW_BYTES,
          },
        }),
      ],
      connectionManager: {
        maxConnections,
        inboundConnectionThreshold: inboundPerSecond,
        maxIncomingPendingConnections: 32,
        inboundUpgradeTimeout: handshakeMs,
        addressDialTimeout: handshakeMs,
        inboundStreamProtocolNegotiationTimeout: handshakeMs,
        outboundStreamProtocolNegotiationTimeout: handshakeMs,
        reconnectRetries: 0,
      },
      connectionMonitor: { enabled: false },
      logger: libp2pLoggers(log),
    });
  } catch (error) {
    throw listenError(host, port, error);
  }
}

/** The multiaddr of a libp2p listener; with a node id, only that node may answer there. */
export function tcpAddress(host: string, port: number, nodeId?: NodeId): Multiaddr {
  const [address = host, zone] = host.split('%');
  const ip = isIPv6(address) ? `/ip6/${address}` : `/ip4/${address}`;
  const zoned = zone === undefined ? ip : `/ip6zone/${zone}${ip}`;
  return multiaddr(`${zoned}/tcp/${port}${nodeId === undefined ? '' : `/p2p/${nodeId}`}`);
}

/** IP address and port of the other end of a connection. */
export function remoteOf(connection: Connection): { host: string; port: number } {
  return hostAndPort(connection.remoteAddr);
}

/** IP address and port in a multiaddr; empty and 0 where it has none. */
export function hostAndPort(address: Multiaddr): { host: string; port: number } {
  const values = new Map(address.getComponents().map(({ name, value }) => [name, value ?? '']));
  const zone = values.get('ip6zone');
  const host = values.get('ip4') ?? values.get('ip6') ?? '';
  return { host: zone === undefined ? host : `${host}%${zone}`, port: Number(values.get('tcp') ?? 0) };
}

/** The node at the other end, as Noise proved it. @throws NearbitsError E_INVALID_ARGUMENT when its key is not Ed25519. */
export function remoteNodeOf(connection: Connection): NodeId {
  return parseNodeId(connection.remotePeer.toString());
}

// libp2p's raw form of an Ed25519 private key: the seed, then the public key.
function libp2pKey({ privateKey, publicKey }: Identity) {
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  return privateKeyFromRaw(Buffer.concat([seed, publicKey]));
}

function listenError(host: string, port: number, cause: unknown): NearbitsError {
  const inUse = cause instanceof Error && cause.message.includes('EADDRINUSE');
  const why = inUse ? 'is in use' : 'cannot be opened';
  return new NearbitsError('E_LISTEN', `the TCP port ${port} on ${host} ${why}`, {
    cause,
    details: { host, port },
    hint: inUse
      ? 'Stop the other program, or choose another port with listen.peerPort.'
      : 'Choose another address or port with listen.host and listen.peerPort.',
  });
}
