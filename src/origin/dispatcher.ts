import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { NearbitsError } from '../core/errors.ts';
import type { OriginOptions } from './options.ts';

/** Bytes that may wait in one connection while a sink holds back, beside what the kernel keeps. */
const SOCKET_BUFFER_BYTES = 256 * 1024;

/**
 * The undici dispatcher for origins. HTTP/1.1 only: over HTTP/2 all ranges of a file would share one
 * connection and its flow control, and each range is one request here anyway. Header blocks are limited to 16 KiB.
 * @throws NearbitsError E_CONFIG when a proxy variable is no URL.
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
  try {
    return new EnvHttpProxyAgent({ ...shared, requestTls: tls, proxyTls: tls });
  } catch (error) {
    throw new NearbitsError('E_CONFIG', 'a proxy in the environment is not a usable URL', {
      cause: error,
      hint: 'Check http_proxy and https_proxy.',
    });
  }
}
