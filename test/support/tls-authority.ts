import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto';
import type { X509Certificate } from '@peculiar/x509';
import { newKey } from '../../src/domain/issue.ts';
import { loadX509 } from '../../src/domain/load-x509.ts';

const DAY_MS = 86_400_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Key and certificate as PEM, as servers want them. */
export interface TlsPair {
  readonly key: string;
  readonly cert: string;
}

/** What a certificate says; what is not given is what a good one for a server on 127.0.0.1 says. */
export interface LeafOptions {
  /** Days from now; default -1 and 1. */
  readonly fromDays?: number;
  readonly toDays?: number;
  /** Default 127.0.0.1. */
  readonly ip?: string;
  /** Default `server`. */
  readonly use?: 'server' | 'client';
  readonly serialNumber?: string;
}

/** A certificate authority for tests; its certificates are valid for 127.0.0.1 and for two days unless told otherwise. */
export class TlsAuthority {
  readonly #key: KeyObject;
  readonly #certificate: X509Certificate;

  private constructor(key: KeyObject, certificate: X509Certificate) {
    this.#key = key;
    this.#certificate = certificate;
  }

  static async create(name = 'Test Authority'): Promise<TlsAuthority> {
    const x509 = loadX509();
    const key = newKey();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys: { privateKey: key.toCryptoKey(ALGORITHM, true, ['sign']), publicKey: publicKeyOf(key) },
      signingAlgorithm: ALGORITHM,
      ...validity(-1, 1),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(publicKeyOf(key)),
      ],
    });
    return new TlsAuthority(key, certificate);
  }

  get pem(): string {
    return this.#certificate.toString('pem');
  }

  /** Signs a certificate for a new key. */
  async leaf(options: LeafOptions = {}): Promise<TlsPair> {
    const x509 = loadX509();
    const { fromDays = -1, toDays = 1, ip = '127.0.0.1', use = 'server', serialNumber = '0a' } = options;
    const key = newKey();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: 'CN=leaf',
      issuer: this.#certificate.subjectName,
      serialNumber,
      publicKey: publicKeyOf(key),
      signingKey: this.#key.toCryptoKey(ALGORITHM, true, ['sign']),
      signingAlgorithm: ALGORITHM,
      ...validity(fromDays, toDays),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([
          use === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: ip }]),
      ],
    });
    return { key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: certificate.toString('pem') };
  }

  /** A list of revoked certificates with these serial numbers. */
  async crl(serialNumbers: readonly string[]): Promise<string> {
    const x509 = loadX509();
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subjectName,
      thisUpdate: new Date(Date.now() - DAY_MS),
      nextUpdate: new Date(Date.now() + DAY_MS),
      entries: serialNumbers.map((serialNumber) => ({ serialNumber, revocationDate: new Date(Date.now() - DAY_MS) })),
      signingKey: this.#key.toCryptoKey(ALGORITHM, true, ['sign']),
      signingAlgorithm: ALGORITHM,
    });
    return x509.PemConverter.encode(list.rawData, 'X509 CRL');
  }
}

function validity(fromDays: number, toDays: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(Date.now() + fromDays * DAY_MS), notAfter: new Date(Date.now() + toDays * DAY_MS) };
}

function publicKeyOf(key: KeyObject): webcrypto.CryptoKey {
  return createPublicKey(key).toCryptoKey(ALGORITHM, true, ['verify']);
}
