import { createPublicKey, generateKeyPairSync, type KeyObject, type webcrypto } from 'node:crypto';
import type { Extension } from '@peculiar/x509';
import { NearbitsError } from '../core/errors.ts';
import { CLIENT_AUTH, SERVER_AUTH } from './certificate.ts';
import { loadX509, type X509Library } from './load-x509.ts';

// P-256 for every key of a domain: 128-bit strength, which is what the Ed25519 identities and AES-128-GCM offer too, and
// the curve that every TLS library does fastest; the handshake of a small transfer is mostly this signature.
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A fresh private key. */
export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
}

/** A private key as it is kept in files: PKCS #8 in PEM. */
export function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** The CA that signs: its certificate (null while it signs its own) and key. */
export interface Issuer {
  readonly certificateDer: Uint8Array | null;
  readonly key: KeyObject;
}

/** What a new certificate says. Times are milliseconds since 1970 and are cut to whole seconds. */
export interface CertificateContent {
  /** Common name of the subject, at most 64 characters. */
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** A node plays both TLS roles; a CA signs, with so many CAs below it at most. */
  readonly use: { readonly kind: 'node' } | { readonly kind: 'ca'; readonly pathLength: number };
  /** URIs among the subject alternative names. */
  readonly uris: readonly string[];
}

/** Creates a certificate and returns its DER; the serial number is random. */
export async function issueCertificate(issuer: Issuer, content: CertificateContent): Promise<Uint8Array> {
  const x509 = loadX509();
  const subject = new x509.Name([{ CN: [{ utf8String: content.name }] }]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer.certificateDer === null ? subject : subjectOf(x509, issuer.certificateDer),
    publicKey: verifyingKey(content.publicKey),
    signingKey: signingKey(issuer.key),
    signingAlgorithm: ALGORITHM,
    notBefore: wholeSeconds(content.notBeforeMs),
    notAfter: wholeSeconds(content.notAfterMs),
    extensions: await extensionsOf(x509, issuer, content),
  });
  return new Uint8Array(certificate.rawData);
}

async function extensionsOf(x509: X509Library, issuer: Issuer, content: CertificateContent) {
  const { use, uris } = content;
  const isCa = use.kind === 'ca';
  const usages = isCa
    ? x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
    : x509.KeyUsageFlags.digitalSignature;
  const extensions: Extension[] = [
    new x509.BasicConstraintsExtension(isCa, isCa ? use.pathLength : undefined, true),
    new x509.KeyUsagesExtension(usages, true),
    await x509.SubjectKeyIdentifierExtension.create(verifyingKey(content.publicKey)),
    await x509.AuthorityKeyIdentifierExtension.create(verifyingKey(createPublicKey(issuer.key))),
  ];
  if (!isCa) extensions.push(new x509.ExtendedKeyUsageExtension([SERVER_AUTH, CLIENT_AUTH]));
  if (uris.length > 0) {
    extensions.push(new x509.SubjectAlternativeNameExtension(uris.map((value) => ({ type: 'url', value }))));
  }
  return extensions;
}

function subjectOf(x509: X509Library, der: Uint8Array) {
  return new x509.X509Certificate(Buffer.from(der)).subjectName;
}

/** Refuses keys that this program did not make. @throws NearbitsError E_DOMAIN */
export function checkSigningKey(key: KeyObject): void {
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new NearbitsError('E_DOMAIN', 'the key of the CA is no P-256 key', {
      hint: 'Use the tools of your own PKI to make certificates; nearbits signs only with keys it made itself.',
    });
  }
}

function signingKey(key: KeyObject): webcrypto.CryptoKey {
  checkSigningKey(key);
  return key.toCryptoKey(ALGORITHM, false, ['sign']);
}

function verifyingKey(key: KeyObject): webcrypto.CryptoKey {
  return key.toCryptoKey(ALGORITHM, true, ['verify']);
}

function wholeSeconds(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
