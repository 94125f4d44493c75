import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, rootCertificates, type SecureContext } from 'node:tls';
import { NearbitsError } from '../core/errors.ts';
import type { OriginJobSettings } from './job-settings.ts';
import type { OriginOptions } from './options.ts';

const BLOCKS = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g;

/** Everything about TLS that connections have in common: whom to trust and who we are. */
export interface Trust {
  /** Null where Node's own defaults do. */
  readonly context: SecureContext | null;
  /** The trusted authorities; parsed when they are first needed. */
  readonly anchors: () => readonly X509Certificate[];
}

/**
 * Prepares trusted authorities, the list of revoked certificates and the client certificate of a job.
 * @throws NearbitsError E_CONFIG for an unusable CRL, E_INVALIDARG for an unusable client certificate or key.
 */
export function createTrust(options: OriginOptions, settings: OriginJobSettings, identify: boolean): Trust {
  const ca = options.extraCaPem === null ? null : [...rootCertificates, options.extraCaPem];
  const crl = settings.tls.checkRevocation && options.crlPem !== null ? blocks(options.crlPem) : null;
  const own = identify ? settings.clientCertificate : null;
  const certificate = own === null ? null : checkedPair(own.certificatePem, own.keyPem);
  let anchors: readonly X509Certificate[] | null = null;
  return {
    context: ca === null && crl === null && certificate === null ? null : contextOf({ ca, crl, certificate }),
    anchors: () => {
      anchors ??= (ca ?? getCACertificates('default')).flatMap(blocks).flatMap(parse);
      return anchors;
    },
  };
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

function contextOf(parts: {
  readonly ca: string[] | null;
  readonly crl: string[] | null;
  readonly certificate: Pair | null;
}): SecureContext {
  const { ca, crl, certificate } = parts;
  try {
    return createSecureContext({
      ...(ca === null ? {} : { ca }),
      ...(crl === null ? {} : { crl }),
      ...(certificate ?? {}),
    });
  } catch (cause) {
    // The client certificate was tried before, by itself.
    throw new NearbitsError('E_CONFIG', 'the list of revoked certificates for origins cannot be used', { cause });
  }
}

function checkedPair(cert: string, key: string): Pair {
  try {
    createSecureContext({ cert, key });
    return { cert, key };
  } catch {
    // No cause: what OpenSSL says about a key is nothing for logs.
    throw new NearbitsError('E_INVALIDARG', 'the client certificate and its key cannot be used together', {
      hint: 'Give both as PEM, the key without a pass phrase.',
    });
  }
}

// Node takes one PEM block for each CRL, and X509Certificate one for each certificate.
function blocks(pem: string): string[] {
  const found = pem.match(BLOCKS) ?? [];
  return found.length === 0 ? [pem] : found;
}

function parse(pem: string): X509Certificate[] {
  try {
    return [new X509Certificate(pem)];
  } catch {
    // Node ignores what is no certificate among its authorities, too.
    return [];
  }
}
