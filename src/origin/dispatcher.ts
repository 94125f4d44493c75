import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from 'undici';
import { NearbitsError } from '../core/errors.ts';
import type { OriginOptions } from './options.ts';

/** Bytes that may wait in one connection while a sink holds back, beside what the kernel keeps. */
const SOCKET_BUFFER_BYTES = 256 * 1024;

/**
 * The undici dispatcher for origins. HTTP/1.1 only: over HTTP/2 all ranges of a file would share one
 * connection and its flow control, and each range is one request here anyway. Header blocks are limited to 16 KiB.
 * @throws NearbitsError E_CONFIG when the proxy named by the configuration or a variable is no URL.
 */
export function createDispatcher(options: OriginOptions): Dispatcher {
  const tls = {
    timeout: options.connectTimeoutMs,
    // Node reads 64 KiB at a time and stops the socket whenever this much waits: with its default, after every read.
    highWaterMark: SOCKET_BUFFER_BYTES,
    ...(options.extraCaPem === null ? {} : { ca: [...rootCertificates, options.extraCaPem] }),
  };
  const shared = { allowH2: false, maxHeaderSize: 16 * 1024, connectTimeout: options.connectTimeoutMs, connect: tls };
  if (options.proxy === 'none') return new Agent(shared);
  const proxied = { ...shared, requestTls: tls, proxyTls: tls };
  try {
    if (options.proxy === 'environment') return new EnvHttpProxyAgent(proxied);
    return new ProxyAgent({ ...proxied, uri: options.proxy });
  } catch (error) {
    throw new NearbitsError('E_CONFIG', 'the proxy for origins is not a usable URL', {
      cause: error,
      hint: 'Check origin.proxy, http_proxy and https_proxy.',
    });
  }
}
