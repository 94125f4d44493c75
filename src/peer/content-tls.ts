import { constants, createCipheriv } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Membership } from '../domain/membership.ts';

const AES = 'aes-128-gcm';
const CHACHA = 'chacha20-poly1305';

// AES-128 first where the processor has instructions for it, else ChaCha20: see preferredCiphers().
const SUITES = {
  [AES]: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  [CHACHA]: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384',
} as const;

let suites: string | null = null;

/**
 * TLS options of both ends of the content channel: TLS 1.3 only, the domain's CA as the only root, the node's
 * own chain. Who the other end is, whether it is revoked or joined too late is proven afterwards by
 * verifyTlsPeer. Sessions are not resumed (no tickets), because a resumed one shows no chain to prove.
 */
export function contentTlsOptions(membership: Membership): SecureContextOptions {
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ca: membership.caPem,
    cert: membership.chainPem,
    key: membership.keyPem,
    ciphers: preferredCiphers(),
    honorCipherOrder: true,
    // A client that prefers ChaCha20 has no AES instructions: its wish goes before the server's order.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_PRIORITIZE_CHACHA,
  };
}

const contexts = new WeakMap<Membership, SecureContext>();

/** The same options for connecting, made once for each membership: reading keys and certificates is a fifth of a connection's cost. */
export function contentSecureContext(membership: Membership): SecureContext {
  const context = contexts.get(membership) ?? createSecureContext(contentTlsOptions(membership));
  contexts.set(membership, context);
  return context;
}

/** TLS 1.3 cipher suites, the faster one of this machine first. Measured once: no system tells it the same way. */
export function preferredCiphers(): string {
  suites ??= SUITES[fastestMs(AES) <= fastestMs(CHACHA) ? AES : CHACHA];
  return suites;
}

// The best of several short runs: a pause in one of them must not decide. A wrong choice costs speed, never safety.
function fastestMs(cipher: typeof AES | typeof CHACHA): number {
  const key = new Uint8Array(cipher === AES ? 16 : 32);
  const block = new Uint8Array(64 * 1024);
  const runs = Array.from({ length: 5 }, () => {
    const startMs = performance.now();
    // Both have one signature; the overloads of the types differ only in the options.
    createCipheriv(cipher as typeof AES, key, new Uint8Array(12), { authTagLength: 16 }).update(block);
    return performance.now() - startMs;
  });
  return Math.min(...runs);
}
