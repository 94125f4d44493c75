import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Extension } from '@peculiar/x509';
import type { NodeId } from '../../src/core/ids.ts';
import { type CertificateContent, type Issuer, issueCertificate, newKey } from '../../src/domain/issue.ts';
import { loadX509, type X509Library } from '../../src/domain/load-x509.ts';
import { nodeUri } from '../../src/domain/names.ts';

/** A moment for tests: 2026-11-21T04:00:00Z. */
export const NOW_MS = Date.UTC(2026, 10, 21, 4);
export const HOUR_MS = 3_600_000;
export const YEAR_MS = 365 * 24 * HOUR_MS;

/** A certificate with its key, which can sign more. */
export interface Signer extends Issuer {
  readonly certificateDer: Uint8Array;
  readonly key: KeyObject;
}

/** Signs a certificate for a fresh key; what is not given is what a good CA would write. */
export async function sign(issuer: Signer | null, content: Partial<CertificateContent>): Promise<Signer> {
  const key = newKey();
  const certificateDer = await issueCertificate(issuer ?? { certificateDer: null, key }, {
    name: 'test',
    publicKey: createPublicKey(key),
    notBeforeMs: NOW_MS - HOUR_MS,
    notAfterMs: NOW_MS + YEAR_MS,
    use: { kind: 'ca', pathLength: 1 },
    uris: [],
    ...content,
  });
  return { certificateDer, key };
}

/** A root CA. */
export function root(content: Partial<CertificateContent> = {}): Promise<Signer> {
  return sign(null, { name: 'Root', ...content });
}

/** A leaf that makes `nodeId` a member. */
export function leaf(issuer: Signer, nodeId: NodeId, content: Partial<CertificateContent> = {}): Promise<Signer> {
  return sign(issuer, { name: nodeId, use: { kind: 'node' }, uris: [nodeUri(nodeId)], ...content });
}

/** A leaf with exactly these extensions (and this key), such as an organisation's own PKI or a hostile one might write. */
export async function leafWith(
  issuer: Signer,
  extensions: (x509: X509Library) => Extension[],
  spki?: Uint8Array<ArrayBuffer>,
): Promise<Signer> {
  const x509 = loadX509();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const key = newKey();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=custom',
    issuer: new x509.X509Certificate(Buffer.from(issuer.certificateDer)).subjectName,
    publicKey: spki ?? createPublicKey(key).toCryptoKey(algorithm, true, ['verify']),
    signingKey: issuer.key.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    notBefore: new Date(NOW_MS - HOUR_MS),
    notAfter: new Date(NOW_MS + YEAR_MS),
    extensions: extensions(x509),
  });
  return { certificateDer: new Uint8Array(certificate.rawData), key };
}
