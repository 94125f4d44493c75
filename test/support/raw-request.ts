import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Membership } from '../../src/domain/membership.ts';
import { CHAIN_HEADER, printIntermediates } from '../../src/domain/tls-peer.ts';
import { contentTlsOptions } from '../../src/peer/content-tls.ts';

/** A request that our own client would never make. */
export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const tlsOptions = (membership: Membership, port: number): ConnectionOptions => ({
  ...contentTlsOptions(membership),
  host: '127.0.0.1',
  port,
  checkServerIdentity: () => undefined,
});

/** One request over Node's own HTTPS client, on a connection of its own. */
export async function rawRequest(membership: Membership, port: number, options: RawRequest): Promise<RawAnswer> {
  const chain = printIntermediates(membership.chainDer);
  const headers = { ...(chain === '' ? {} : { [CHAIN_HEADER]: chain }), ...options.headers };
  const { method = 'GET', path } = options;
  return await new Promise((resolve, reject) => {
    const sent = request({ ...tlsOptions(membership, port), method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode as number, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end(options.body);
  });
}

/** A TLS connection to write anything to. */
export async function rawConnection(membership: Membership, port: number): Promise<TLSSocket> {
  const socket = connect(tlsOptions(membership, port));
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  return socket;
}

/** Everything that comes until the other side closes. */
export async function readToEnd(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}
