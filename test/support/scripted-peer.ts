import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { ByteRange } from '../../src/core/byte-range.ts';
import type { Membership } from '../../src/domain/membership.ts';
import { contentTlsOptions } from '../../src/peer/content-tls.ts';

/** What a scripted peer does with one request; the range is what the client asked for. */
export type PeerScript = (socket: TLSSocket, range: ByteRange) => void | Promise<void>;

/** A member that speaks TLS as it should and HTTP as the script says: for clients that must not believe it. */
export class ScriptedPeer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();
  #connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('secureConnection', (socket) => {
      this.#connections++;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** `onConnect` runs after each handshake, before any request. */
  static async start(
    membership: Membership,
    script: PeerScript,
    onConnect: (socket: TLSSocket) => void = () => {},
  ): Promise<ScriptedPeer> {
    const server = createServer({ ...contentTlsOptions(membership), requestCert: true, rejectUnauthorized: true });
    const peer = new ScriptedPeer(server);
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      onConnect(socket);
      socket.on('data', (request: Buffer) => void script(socket, rangeOf(request.toString('latin1'))));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Handshakes so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The head of a right answer. */
export function answerHead(range: ByteRange, size: number, more: readonly string[] = []): string {
  return [
    'HTTP/1.1 206 Partial Content',
    `Content-Range: bytes ${range.start}-${range.end - 1}/${size}`,
    `Content-Length: ${range.end - range.start}`,
    ...more,
    '\r\n',
  ].join('\r\n');
}

function rangeOf(request: string): ByteRange {
  const match = /^Range: bytes=(\d+)-(\d+)\r$/m.exec(request);
  return { start: Number(match?.[1]), end: Number(match?.[2]) + 1 };
}
