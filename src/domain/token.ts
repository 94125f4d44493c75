import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { NearbitsError } from '../core/errors.ts';
import { readCertificate } from './certificate.ts';
import { enrolUntilOf } from './names.ts';

const PREFIX = 'nearbits1.';
const CHECKSUM_BYTES = 4;
/** A token has about 1,600 characters; more than this is not looked at. */
const MAX_TOKEN_LENGTH = 16_384;

/**
 * What a join token carries: the domain's CA, and an enrolment CA with its private key. Whoever holds it can join the
 * domain until the deadline, so it is a secret until then. See verifyMembershipChain for what the deadline stops.
 */
export interface JoinToken {
  readonly caDer: Uint8Array;
  readonly enrolmentDer: Uint8Array;
  readonly enrolmentKey: KeyObject;
  /** Until when it may be used, milliseconds since 1970. */
  readonly enrolUntilMs: number;
}

/**
 * Writes a token as one line: `nearbits1.` and, in base64url, three fields (CA, enrolment CA, its key in PKCS #8; each
 * after its length as uint16) and a checksum against mistakes in copying.
 */
export function printToken(token: Omit<JoinToken, 'enrolUntilMs'>): string {
  const key = token.enrolmentKey.export({ type: 'pkcs8', format: 'der' });
  const body = Buffer.concat([token.caDer, token.enrolmentDer, key].flatMap((field) => [uint16(field.length), field]));
  return PREFIX + Buffer.concat([body, checksum(body)]).toString('base64url');
}

/**
 * Reads a token; white space in it, such as the line breaks of a mail program, is ignored. Whether it has expired is
 * for the caller to say.
 * @throws NearbitsError E_TOKEN
 */
export function parseToken(text: string): JoinToken {
  if (text.length > MAX_TOKEN_LENGTH) throw damaged('it is too long');
  const compact = text.replace(/\s/g, '');
  if (!compact.startsWith(PREFIX)) throw unknownForm(compact);
  const fields = readFields(compact.slice(PREFIX.length));
  try {
    return checkContent(fields);
  } catch (error) {
    if (error instanceof NearbitsError && error.code === 'E_TOKEN') throw error;
    throw damaged('its content cannot be used', error);
  }
}

function readFields(base64url: string): Buffer[] {
  if (!/^[A-Za-z0-9_-]+$/.test(base64url)) throw damaged('it holds characters that do not belong there');
  const bytes = Buffer.from(base64url, 'base64url');
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (!checksum(body).equals(bytes.subarray(-CHECKSUM_BYTES))) throw damaged('its checksum is wrong');
  const fields: Buffer[] = [];
  for (let at = 0; at + 2 <= body.length; ) {
    const length = body.readUInt16BE(at);
    fields.push(body.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return fields;
}

function checkContent([caDer, enrolmentDer, keyDer, ...more]: Buffer[]): JoinToken {
  if (caDer === undefined || enrolmentDer === undefined || keyDer === undefined || more.length > 0) {
    throw damaged('it does not hold what a token holds');
  }
  const enrolment = readCertificate(enrolmentDer);
  const enrolmentKey = createPrivateKey({ key: keyDer, format: 'der', type: 'pkcs8' });
  const enrolUntilMs = enrolUntilOf(enrolment.uris);
  if (enrolUntilMs === null || Number.isNaN(enrolUntilMs)) throw damaged('it names no end');
  if (!createPublicKey(enrolmentKey).equals(enrolment.x509.publicKey)) throw damaged('its key and certificate differ');
  return { caDer, enrolmentDer, enrolmentKey, enrolUntilMs };
}

function unknownForm(text: string): NearbitsError {
  const newer = /^nearbits\d+\./.test(text);
  const what = newer ? 'the join token was made by a newer version of nearbits' : 'this is not a join token';
  return new NearbitsError('E_TOKEN', what, {
    hint: newer
      ? 'Update nearbits on this machine.'
      : `A token starts with ${PREFIX} and is printed by "nearbits domain invite" on the machine that made the domain.`,
  });
}

function damaged(what: string, cause?: unknown): NearbitsError {
  return new NearbitsError('E_TOKEN', `the join token is damaged: ${what}`, {
    cause,
    hint: 'Copy the whole token once more, from its first to its last character.',
  });
}

function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, CHECKSUM_BYTES);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
