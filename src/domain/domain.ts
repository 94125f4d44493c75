import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import { type NodeId, parseNodeId } from '../core/ids.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { normalizeSerial } from './der.ts';
import { DomainFiles } from './domain-files.ts';
import { issueCertificate, keyPem, newKey } from './issue.ts';
import { issueRevocationList } from './issue-crl.ts';
import { domainName, loadMembership, loadTrust, type Membership, readKey } from './membership.ts';
import { CLOCK_SKEW_MS, checkDomainName, enrolUntilUri, nodeUri, revocationSerialOf } from './names.ts';
import { decodePem, encodePem } from './pem.ts';
import { type JoinToken, parseToken, printToken } from './token.ts';
import { createTrustAnchor, type TrustAnchor } from './trust.ts';
import { verifyMembershipChain } from './verify-chain.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
/** The CA of a domain is valid for 10 years; leaves and enrolment CAs never outlive it. */
const CA_TERM_MS = 10 * YEAR_MS;
/** A node's certificate is valid for 1 year; joining again renews it. */
const NODE_TERM_MS = YEAR_MS;
const DEFAULT_INVITE_MS = DAY_MS;
const MIN_INVITE_MS = 60_000;
const MAX_INVITE_MS = 30 * DAY_MS;

/** Who a membership is for; the node's libp2p identity fits. */
export interface MemberIdentity {
  readonly nodeId: NodeId;
}

/** A join token and what is worth noting about it. */
export interface Invite {
  /** One line, a secret until it has expired. */
  readonly token: string;
  /** Serial number of the enrolment CA: `revoke` takes it when the token got into wrong hands. */
  readonly serial: string;
  readonly enrolUntilMs: number;
}

interface Authority {
  readonly trust: TrustAnchor;
  readonly key: KeyObject;
}

/**
 * Creates a domain and makes this node its first member. Run again with the same name it repairs what a crash left, and
 * renews this node's certificate; the CA stays the same.
 * @param dir the folder `domain` of the data directory, for every function here.
 * @throws NearbitsError E_DOMAIN when the node is in another domain or the folder holds the key of another one, E_INVALID_ARGUMENT for a bad name.
 */
export async function createDomain(
  dir: string,
  name: string,
  identity: MemberIdentity,
  clock: Clock,
): Promise<Membership> {
  checkDomainName(name);
  const files = new DomainFiles(dir);
  await checkFree(files, (trust) => domainName(trust) === name);
  await files.protect();
  const authority = (await findAuthority(files)) ?? (await createAuthority(files, name, clock.wallMs()));
  if (domainName(authority.trust) !== name) throw otherAuthority(files, authority.trust);
  const issuer = { certificateDer: authority.trust.ca.der, key: authority.key };
  return enrol(files, { trust: authority.trust, issuer, chainDer: [] }, identity, clock);
}

/**
 * Makes a join token, usable for `expiresMs` (1 minute to 30 days, default 24 hours).
 * @throws NearbitsError E_DOMAIN when the key of the CA is not here, E_INVALID_ARGUMENT for another term.
 */
export async function createInvite(
  dir: string,
  clock: Clock,
  options: { readonly expiresMs?: number } = {},
): Promise<Invite> {
  const { expiresMs = DEFAULT_INVITE_MS } = options;
  if (!(expiresMs >= MIN_INVITE_MS && expiresMs <= MAX_INVITE_MS)) {
    throw new NearbitsError('E_INVALID_ARGUMENT', 'a join token can be valid for 1 minute to 30 days');
  }
  const { trust, key } = await requireAuthority(new DomainFiles(dir));
  const nowMs = clock.wallMs();
  const enrolUntilMs = Math.floor((nowMs + expiresMs) / 1000) * 1000;
  const enrolmentKey = newKey();
  const enrolmentDer = await issueCertificate(
    { certificateDer: trust.ca.der, key },
    {
      // A common name has at most 64 characters.
      name: `${[...domainName(trust)].slice(0, 50).join('')} enrolment`,
      publicKey: createPublicKey(enrolmentKey),
      notBeforeMs: nowMs - CLOCK_SKEW_MS,
      // As long as its last leaf may live; see verifyMembershipChain for the deadline.
      notAfterMs: Math.min(enrolUntilMs + NODE_TERM_MS, trust.ca.notAfterMs),
      use: { kind: 'ca', pathLength: 0 },
      uris: [enrolUntilUri(enrolUntilMs)],
    },
  );
  const token = printToken({ caDer: trust.ca.der, enrolmentDer, enrolmentKey });
  return { token, serial: readCertificate(enrolmentDer).serial, enrolUntilMs };
}

/**
 * Makes this node a member of the token's domain, without asking anybody. In the same domain already, it renews the
 * certificate and keeps the key.
 * @throws NearbitsError E_TOKEN when the token is damaged or expired, E_DOMAIN when the node is in another domain, E_CERTIFICATE when the token proves no membership, for example because it is revoked.
 */
export async function joinDomain(
  dir: string,
  text: string,
  identity: MemberIdentity,
  clock: Clock,
): Promise<Membership> {
  const token = parseToken(text);
  checkExpiry(token, clock.wallMs());
  const files = new DomainFiles(dir);
  const offered = createTrustAnchor(token.caDer);
  await checkFree(files, (trust) => isSameCa(trust, offered));
  const authority = await findAuthority(files);
  if (authority !== null && !isSameCa(authority.trust, offered)) throw otherAuthority(files, authority.trust);
  await files.protect();
  const trust = await trustWithLists(files, token.caDer);
  const issuer = { certificateDer: token.enrolmentDer, key: token.enrolmentKey };
  return enrol(files, { trust, issuer, chainDer: [token.enrolmentDer] }, identity, clock);
}

/**
 * Ends this node's membership: its certificate and key are removed, its identity stays. On the machine that made the
 * domain the CA's certificate, key and revocation list stay too, since without them the domain could never grow again.
 * @returns whether there was a membership.
 */
export async function leaveDomain(dir: string): Promise<boolean> {
  const files = new DomainFiles(dir);
  const wasMember = (await files.read('node.pem')) !== null;
  await files.remove('node.pem', 'node.key');
  if ((await files.read('ca.key')) === null) await files.remove('crl.pem', 'ca.pem');
  return wasMember;
}

/**
 * Adds a node or a certificate to the domain's revocation list `crl.pem`, which the administrator then copies to the other
 * machines. A NodeId ends every certificate of that node; a serial number ends an enrolment CA (see {@link Invite}) and all
 * who joined by it, or one certificate that the CA itself signed.
 * @throws NearbitsError E_DOMAIN when the key of the CA is not here, E_INVALID_ARGUMENT when the target is neither.
 */
export async function revoke(dir: string, target: string, clock: Clock): Promise<void> {
  const serial = revocationSerial(target);
  const files = new DomainFiles(dir);
  const { trust, key } = await requireAuthority(files);
  const previous = trust.revocationLists.find(({ issuer }) => issuer === trust.ca.subject) ?? null;
  if (previous?.serials.has(serial)) return;
  const list = issueRevocationList({ ca: trust.ca, key }, previous, serial, clock.wallMs());
  await files.write('crl.pem', encodePem('X509 CRL', list));
}

interface Enrolment {
  readonly trust: TrustAnchor;
  readonly issuer: { readonly certificateDer: Uint8Array; readonly key: KeyObject };
  /** The chain above the new leaf, without the CA. */
  readonly chainDer: readonly Uint8Array[];
}

async function enrol(files: DomainFiles, by: Enrolment, { nodeId }: MemberIdentity, clock: Clock): Promise<Membership> {
  const nowMs = clock.wallMs();
  const issuer = readCertificate(by.issuer.certificateDer);
  const nodeKey = await ownKey(files);
  const leaf = await issueCertificate(by.issuer, {
    name: nodeId,
    publicKey: createPublicKey(nodeKey),
    notBeforeMs: Math.max(nowMs - CLOCK_SKEW_MS, issuer.notBeforeMs),
    notAfterMs: Math.min(nowMs + NODE_TERM_MS, issuer.notAfterMs),
    use: { kind: 'node' },
    uris: [nodeUri(nodeId)],
  });
  const chain = [leaf, ...by.chainDer];
  verifyMembershipChain(chain, by.trust, nodeId, nowMs);
  await files.write('ca.pem', encodePem('CERTIFICATE', by.trust.ca.der));
  await files.write('node.key', keyPem(nodeKey));
  await files.write('node.pem', encodePem('CERTIFICATE', ...chain));
  const membership = await loadMembership(files.dir, nodeId, clock);
  if (membership === null) throw new NearbitsError('E_INTERNAL', 'the new membership cannot be read back');
  return membership;
}

// A renewal keeps the key, so that node.key and node.pem fit together at every moment.
async function ownKey(files: DomainFiles): Promise<KeyObject> {
  const pem = (await files.read('node.pem')) === null ? null : await files.read('node.key');
  return pem === null ? newKey() : readKey(pem, 'node.key');
}

async function createAuthority(files: DomainFiles, name: string, nowMs: number): Promise<Authority> {
  const key = newKey();
  const der = await issueCertificate(
    { certificateDer: null, key },
    {
      name,
      publicKey: createPublicKey(key),
      notBeforeMs: nowMs - CLOCK_SKEW_MS,
      notAfterMs: nowMs + CA_TERM_MS,
      use: { kind: 'ca', pathLength: 1 },
      uris: [],
    },
  );
  await files.remove('crl.pem');
  await files.write('ca.pem', encodePem('CERTIFICATE', der));
  await files.write('ca.key', keyPem(key));
  return { trust: createTrustAnchor(der), key };
}

async function findAuthority(files: DomainFiles): Promise<Authority | null> {
  const pem = await files.read('ca.key');
  if (pem === null) return null;
  const trust = await loadTrust(files);
  const key = readKey(pem, 'ca.key');
  if (createPublicKey(key).equals(trust.ca.x509.publicKey)) return { trust, key };
  throw new NearbitsError('E_DOMAIN', `${files.dir}: ca.key does not belong to ca.pem`, {
    hint: 'Move ca.key to a safe place if it belongs to another domain.',
  });
}

async function requireAuthority(files: DomainFiles): Promise<Authority> {
  const authority = await findAuthority(files);
  if (authority !== null) return authority;
  throw new NearbitsError('E_DOMAIN', 'this machine does not hold the key of the domain', {
    hint: 'Run this on the machine that made the domain, or make a domain with "nearbits domain create NAME".',
  });
}

// A revocation list may have been placed before the node joins; one that an earlier domain left behind goes.
async function trustWithLists(files: DomainFiles, caDer: Uint8Array): Promise<TrustAnchor> {
  const lists = decodePem((await files.read('crl.pem')) ?? '', 'X509 CRL');
  try {
    return createTrustAnchor(caDer, lists);
  } catch (error) {
    if (!(error instanceof NearbitsError)) throw error;
    await files.remove('crl.pem');
    return createTrustAnchor(caDer);
  }
}

async function checkFree(files: DomainFiles, isWanted: (trust: TrustAnchor) => boolean): Promise<void> {
  if ((await files.read('node.pem')) === null) return;
  const trust = await loadTrust(files);
  if (isWanted(trust)) return;
  throw new NearbitsError('E_DOMAIN', `this machine is already a member of the domain "${domainName(trust)}"`, {
    details: { domain: domainName(trust) },
    hint: 'Run "nearbits domain leave" first.',
  });
}

function isSameCa(a: TrustAnchor, b: { readonly ca: Certificate }): boolean {
  return a.ca.x509.raw.equals(b.ca.der);
}

function otherAuthority(files: DomainFiles, trust: TrustAnchor): NearbitsError {
  return new NearbitsError('E_DOMAIN', `this machine holds the key of the domain "${domainName(trust)}"`, {
    hint: `Move ca.key and ca.pem from ${files.dir} to a safe place: without them nobody can join that domain any more.`,
  });
}

function checkExpiry(token: JoinToken, nowMs: number): void {
  if (nowMs <= token.enrolUntilMs) return;
  throw new NearbitsError('E_TOKEN', `the join token expired at ${new Date(token.enrolUntilMs).toISOString()}`, {
    details: { enrolUntilMs: token.enrolUntilMs },
    hint: 'Make a new one with "nearbits domain invite" on the machine that made the domain, and check this machine\'s clock.',
  });
}

function revocationSerial(target: string): string {
  if (target.startsWith('12D3KooW')) return revocationSerialOf(parseNodeId(target));
  const hex = target.replaceAll(':', '');
  // RFC 5280 4.1.2.2: a serial number has at most 20 bytes.
  if (/^[0-9a-fA-F]{1,40}$/.test(hex)) return normalizeSerial(hex);
  throw new NearbitsError(
    'E_INVALID_ARGUMENT',
    `"${target.slice(0, 80)}" is neither the id of a node nor a serial number`,
  );
}
