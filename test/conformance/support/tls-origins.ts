import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, type webcrypto } from 'node:crypto';
import type { X509Certificate } from '@peculiar/x509';
import { loadX509 } from '../../../src/domain/load-x509.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** A certificate with its key, as servers and clients load them. */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

/** What is wrong with a certificate; nothing: it is a good one for a server on 127.0.0.1. */
export interface Flaw {
  readonly host?: string;
  /** Over since yesterday. */
  readonly expired?: boolean;
  readonly usage?: 'server' | 'client';
}

/** An authority that signs certificates for origins, good and bad ones, and takes them back. */
export class TestAuthority {
  readonly #key: KeyObject;
  readonly #certificate: X509Certificate;

  private constructor(key: KeyObject, certificate: X509Certificate) {
    this.#key = key;
    this.#certificate = certificate;
  }

  static async create(): Promise<TestAuthority> {
    const x509 = loadX509();
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const { KeyUsageFlags: use } = x509;
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=Authority ${randomBytes(4).toString('hex')}`,
      keys: pairOf(key),
      signingAlgorithm: ALGORITHM,
      ...validity(false),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(use.keyCertSign | use.cRLSign, true),
      ],
    });
    return new TestAuthority(key, certificate);
  }

  /** What a client has to trust. */
  get pem(): string {
    return this.#certificate.toString('pem');
  }

  async issue({ host = '127.0.0.1', expired = false, usage = 'server' }: Flaw = {}): Promise<PemPair> {
    const x509 = loadX509();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${host}`,
      issuer: this.#certificate.subjectName,
      publicKey: pairOf(privateKey).publicKey,
      signingKey: pairOf(this.#key).privateKey,
      signingAlgorithm: ALGORITHM,
      ...validity(expired),
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: host === '127.0.0.1' ? 'ip' : 'dns', value: host }]),
        new x509.ExtendedKeyUsageExtension([usage === 'server' ? SERVER_AUTH : CLIENT_AUTH]),
      ],
    });
    return { cert: certificate.toString('pem'), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }

  /** The list of certificates that were taken back, PEM. */
  async revoke(...certificates: readonly PemPair[]): Promise<string> {
    const x509 = loadX509();
    const revoked = certificates.map(({ cert }) => new x509.X509Certificate(cert).serialNumber);
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subjectName,
      thisUpdate: new Date(Date.now() - DAY_MS),
      nextUpdate: new Date(Date.now() + DAY_MS),
      entries: revoked.map((serialNumber) => ({ serialNumber, revocationDate: new Date(Date.now() - DAY_MS) })),
      signingKey: pairOf(this.#key).privateKey,
      signingAlgorithm: ALGORITHM,
    });
    // OpenSSL knows it by another label than the library.
    return list.toString('pem').replaceAll(/(BEGIN|END) CRL/g, '$1 X509 CRL');
  }
}

function pairOf(key: KeyObject): { privateKey: webcrypto.CryptoKey; publicKey: webcrypto.CryptoKey } {
  return {
    privateKey: key.toCryptoKey(ALGORITHM, true, ['sign']),
    publicKey: createPublicKey(key).toCryptoKey(ALGORITHM, true, ['verify']),
  };
}

function validity(expired: boolean): { notBefore: Date; notAfter: Date } {
  const endMs = Date.now() + (expired ? -DAY_MS : DAY_MS);
  return { notBefore: new Date(endMs - 10 * DAY_MS), notAfter: new Date(endMs) };
}
