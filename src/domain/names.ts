import { createHash, type KeyObject } from 'node:crypto';
import { NearbitsError } from '../core/errors.ts';
import { type NodeId, parseNodeId } from '../core/ids.ts';

/** Clocks of a domain's machines may differ by this much: a certificate counts as valid this long before its start. */
export const CLOCK_SKEW_MS = 300_000;

const NODE_URN = 'urn:nearbits:node:';
const ENROL_URN = 'urn:nearbits:enrol-until:';
const UTC_SECONDS = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** The subject alternative name (URI) by which a certificate names its node: `urn:nearbits:node:12D3KooW...`. */
export function nodeUri(nodeId: NodeId): string {
  return NODE_URN + nodeId;
}

/** The node that a list of URIs names, or null when it names none, more than one, or one that is no PeerId. */
export function nodeOf(uris: readonly string[]): NodeId | null {
  const [uri, ...more] = uris.filter((text) => text.startsWith(NODE_URN));
  if (uri === undefined || more.length > 0) return null;
  try {
    return parseNodeId(uri.slice(NODE_URN.length));
  } catch {
    return null;
  }
}

/** The URI by which an enrolment CA says until when it may enrol: `urn:nearbits:enrol-until:2026-11-22T04:00:00Z`. */
export function enrolUntilUri(untilMs: number): string {
  return `${ENROL_URN}${new Date(untilMs).toISOString().slice(0, 19)}Z`;
}

/** The enrolment deadline among a list of URIs in milliseconds since 1970; null: none. NaN: unreadable, which must be refused. */
export function enrolUntilOf(uris: readonly string[]): number | null {
  const texts = uris.filter((text) => text.startsWith(ENROL_URN)).map((text) => text.slice(ENROL_URN.length));
  if (texts.length === 0) return null;
  return Math.min(...texts.map((text) => (UTC_SECONDS.test(text) ? Date.parse(text) : Number.NaN)));
}

/**
 * Names a domain in discovery datagrams without revealing it: the first 16 bytes of
 * SHA-256("nearbits domain tag v1" || public key of the CA, SPKI in DER).
 */
export function domainTag(caKey: KeyObject): Uint8Array {
  const hash = createHash('sha256').update('nearbits domain tag v1');
  return hash
    .update(caKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 16);
}

/**
 * The serial number that stands for a whole node in the CA's revocation list. The CA does not know which serial
 * numbers nodes got when they joined by token, so a node is revoked by this number, which every verifier computes from
 * the PeerId: whatever certificate the node shows, now or later, is refused.
 */
export function revocationSerialOf(nodeId: NodeId): string {
  const digest = createHash('sha256').update('nearbits node revocation v1').update(nodeId).digest();
  // A serial number is a positive INTEGER; the fixed top bits keep it 16 bytes long in every case.
  digest[0] = ((digest[0] as number) & 0x3f) | 0x40;
  return digest.subarray(0, 16).toString('hex');
}

/**
 * Checks the name of a new domain: 1 to 64 letters, digits, spaces and `.-_` (X.520 limits a common name to 64).
 * @throws NearbitsError E_INVALID_ARGUMENT
 */
export function checkDomainName(name: string): string {
  if (/^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]{0,62}[\p{L}\p{N}])?$/u.test(name) && name.length <= 64) return name;
  throw new NearbitsError('E_INVALID_ARGUMENT', `"${name.slice(0, 80)}" cannot be the name of a domain`, {
    hint: 'Use 1 to 64 letters, digits, spaces, dots, dashes and underscores, with a letter or digit at both ends.',
  });
}
