import { X509Certificate } from 'node:crypto';
import { NearbitsError } from '../core/errors.ts';
import {
  childrenOf,
  type Der,
  expectTag,
  itemsOf,
  normalizeSerial,
  readDer,
  readOid,
  readSmallInteger,
  TAG,
} from './der.ts';

/** Larger certificates are refused before they are parsed; real ones have 0.5 to 2 KiB. */
export const MAX_CERTIFICATE_BYTES = 8 * 1024;

/** What membership depends on in an X.509 certificate (RFC 5280), read once. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly der: Uint8Array;
  /** Lower case hexadecimal without leading zeros. */
  readonly serial: string;
  /** Names in DER, as hexadecimal: equal text is an equal name. */
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly signatureOid: string;
  readonly isCa: boolean;
  /** How many CAs may follow below this one; null: any number. */
  readonly pathLength: number | null;
  /** The first byte of the key usage bits, null when the extension is absent. */
  readonly keyUsage: number | null;
  /** Object identifiers, null when the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | null;
  /** URIs among the subject alternative names. */
  readonly uris: readonly string[];
  /** Critical extensions that are not understood here; any of them makes the certificate unusable (RFC 5280 4.2). */
  readonly unknownCritical: readonly string[];
}

/** Bits of {@link Certificate.keyUsage} (RFC 5280 4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04 } as const;

/** Object identifiers of the two TLS roles, both of which a node plays (RFC 5280 4.2.1.12). */
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE_ID = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALT_NAME = '2.5.29.17';
const UNDERSTOOD = new Set([BASIC_CONSTRAINTS, KEY_USAGE_ID, EXTENDED_KEY_USAGE, SUBJECT_ALT_NAME]);
const URI_NAME = 0x86;
const EXTENSIONS = 0xa3;

interface Extension {
  readonly critical: boolean;
  readonly value: Der;
}

/**
 * Reads a certificate from anywhere, hostile bytes included. OpenSSL parses it first; the extensions that Node does
 * not show (path length, key usage, exact URIs) are then read from its DER.
 * @throws NearbitsError E_CERTIFICATE with details.reason `malformed`.
 */
export function readCertificate(der: Uint8Array): Certificate {
  if (der.length === 0 || der.length > MAX_CERTIFICATE_BYTES) throw malformed(`it has ${der.length} bytes`);
  try {
    const x509 = new X509Certificate(der);
    // OpenSSL takes PEM as well and ignores what follows a certificate; one certificate is to have one form here.
    if (!x509.raw.equals(der)) throw malformed('it is not exactly one certificate in DER');
    return describe(x509);
  } catch (error) {
    if (error instanceof NearbitsError) throw error;
    throw malformed('it cannot be parsed', error);
  }
}

function describe(x509: X509Certificate): Certificate {
  const [tbs, signature] = itemsOf(readDer(x509.raw));
  const fields = itemsOf(tbs);
  // TBSCertificate without its optional version: serial, signature, issuer, validity, subject, key, ...
  const body = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  const extensions = readExtensions(fields.find((field) => field.tag === EXTENSIONS));
  const notBeforeMs = x509.validFromDate.getTime();
  const notAfterMs = x509.validToDate.getTime();
  if (Number.isNaN(notBeforeMs) || Number.isNaN(notAfterMs)) throw malformed('it has no validity');
  return {
    x509,
    der: x509.raw,
    serial: normalizeSerial(x509.serialNumber),
    subject: Buffer.from(expectTag(body[4], TAG.sequence).whole).toString('hex'),
    notBeforeMs,
    notAfterMs,
    signatureOid: readOid(itemsOf(signature)[0]),
    ...readBasicConstraints(extensions.get(BASIC_CONSTRAINTS)),
    keyUsage: readKeyUsage(extensions.get(KEY_USAGE_ID)),
    extendedKeyUsage: readList(extensions.get(EXTENDED_KEY_USAGE))?.map(readOid) ?? null,
    uris: readUris(extensions.get(SUBJECT_ALT_NAME)),
    unknownCritical: [...extensions].filter(([id, { critical }]) => critical && !UNDERSTOOD.has(id)).map(([id]) => id),
  };
}

function readExtensions(field: Der | undefined): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  if (field === undefined) return extensions;
  for (const entry of itemsOf([...childrenOf(field)][0])) {
    const parts = itemsOf(entry);
    const id = readOid(parts[0]);
    if (extensions.has(id)) throw malformed(`the extension ${id} occurs twice`);
    const critical = parts.length === 3 && expectTag(parts[1], TAG.boolean).content[0] !== 0;
    extensions.set(id, { critical, value: readDer(expectTag(parts.at(-1), TAG.octetString).content) });
  }
  return extensions;
}

function readBasicConstraints(extension: Extension | undefined): Pick<Certificate, 'isCa' | 'pathLength'> {
  const [first, second] = extension === undefined ? [] : itemsOf(extension.value);
  const isCa = first?.tag === TAG.boolean && first.content[0] !== 0;
  return { isCa, pathLength: second === undefined ? null : readSmallInteger(second) };
}

// The first byte of the content says how many bits are unused; the flags that matter here lie in the second.
function readKeyUsage(extension: Extension | undefined): number | null {
  return extension === undefined ? null : (expectTag(extension.value, TAG.bitString).content[1] ?? 0);
}

function readList(extension: Extension | undefined): Der[] | undefined {
  return extension === undefined ? undefined : itemsOf(extension.value);
}

function readUris(extension: Extension | undefined): string[] {
  const names = readList(extension) ?? [];
  return names.filter((name) => name.tag === URI_NAME).map((name) => Buffer.from(name.content).toString('latin1'));
}

function malformed(what: string, cause?: unknown): NearbitsError {
  return new NearbitsError('E_CERTIFICATE', `not a usable certificate: ${what}`, {
    cause,
    details: { reason: 'malformed' },
  });
}
