import { NearbitsError } from '../core/errors.ts';

/** One element of DER (X.690): its tag byte and where it lies. Nothing is copied. */
export interface Der {
  readonly tag: number;
  /** The element with its tag and length, as it is signed. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** Tags of the DER elements that certificates and revocation lists are made of. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/**
 * Reads the one element that fills `bytes`.
 * @throws NearbitsError E_CERTIFICATE for anything else; so do all functions here.
 */
export function readDer(bytes: Uint8Array): Der {
  const element = elementAt(bytes, 0);
  if (element.whole.length !== bytes.length) throw malformed('bytes follow the end');
  return element;
}

/** The elements inside a constructed one, in order. */
export function* childrenOf(der: Der): Generator<Der> {
  for (let at = 0; at < der.content.length; ) {
    const child = elementAt(der.content, at);
    yield child;
    at += child.whole.length;
  }
}

/** The elements inside a SEQUENCE, in order. */
export function itemsOf(der: Der | undefined): Der[] {
  return [...childrenOf(expectTag(der, TAG.sequence))];
}

/** The same element when it has the tag. */
export function expectTag(der: Der | undefined, tag: number): Der {
  if (der === undefined || der.tag !== tag) throw malformed(`an element with tag ${tag} is missing`);
  return der;
}

/** An OBJECT IDENTIFIER in dotted form. */
export function readOid(der: Der | undefined): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of expectTag(der, TAG.oid).content) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER) throw malformed('an object identifier is too long');
    if (byte < 0x80) {
      arcs.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}

/** An INTEGER as lower case hexadecimal without leading zeros, the form in which serial numbers are compared. */
export function readSerial(der: Der | undefined): string {
  return normalizeSerial(Buffer.from(expectTag(der, TAG.integer).content).toString('hex'));
}

/** A serial number in the form of {@link readSerial}. */
export function normalizeSerial(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, '');
}

/** A small non-negative INTEGER. */
export function readSmallInteger(der: Der | undefined): number {
  const { content } = expectTag(der, TAG.integer);
  if (content.length === 0 || content.length > 4 || (content[0] as number) >= 0x80)
    throw malformed('a number is too large');
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/** The bytes of a BIT STRING that ends on a whole byte, such as a signature. */
export function readBitBytes(der: Der | undefined): Uint8Array {
  const { content } = expectTag(der, TAG.bitString);
  if (content[0] !== 0) throw malformed('a bit string does not end on a byte');
  return content.subarray(1);
}

function elementAt(bytes: Uint8Array, at: number): Der {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw malformed('it is cut off');
  // Tag numbers above 30 do not occur in X.509.
  if ((tag & 0x1f) === 0x1f) throw malformed('a tag is too long');
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 4) throw malformed('a length is not allowed');
  let length = first < 0x80 ? first : 0;
  for (let index = 0; index < lengthBytes; index++) length = length * 256 + (bytes[at + 2 + index] ?? 0);
  const start = at + 2 + lengthBytes;
  const end = start + length;
  if (end > bytes.length) throw malformed('it is cut off');
  return { tag, whole: bytes.subarray(at, end), content: bytes.subarray(start, end) };
}

function malformed(what: string): NearbitsError {
  return new NearbitsError('E_CERTIFICATE', `not a valid certificate or revocation list: ${what}`, {
    details: { reason: 'malformed' },
  });
}
