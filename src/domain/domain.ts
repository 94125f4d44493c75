import { createPublicKey } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import { createAuthority, findAuthority, otherAuthority, requireAuthority } from './authority.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { DomainFiles } from './domain-files.ts';
import { enrol, type MemberIdentity, NODE_TERM_MS } from './enrol.ts';
import { issueCertificate, newKey } from './issue.ts';
import { domainName, loadTrust, type Membership } from './membership.ts';
import { CLOCK_SKEW_MS, checkDomainName, enrolUntilUri } from './names.ts';
import { decodePem } from './pem.ts';
import { type JoinToken, parseToken, printToken } from './token.ts';
import { createTrustAnchor, type TrustAnchor } from './trust.ts';

const DAY_MS = 86_400_000;
const DEFAULT_INVITE_MS = DAY_MS;
const MIN_INVITE_MS = 60_000;
const MAX_INVITE_MS = 30 * DAY_MS;

/** A join token and what is worth noting about it. */
export interface Invite {
  /** One line, a secret until it has expired. */
  readonly token: string;
  /** Serial number of the enrolment CA: `revoke` takes it when the token got into wrong hands. */
  readonly serial: string;
  readonly enrolUntilMs: number;
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
  const found = await findAuthority(files);
  // A member that joined by token is not to make a second domain of the same name by accident.
  await checkFree(files, (trust) => found !== null && domainName(trust) === name);
  if (found !== null && domainName(found.trust) !== name) throw otherAuthority(files, found.trust);
  await files.protect();
  const authority = found ?? (await createAuthority(files, name, clock.wallMs()));
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

function checkExpiry(token: JoinToken, nowMs: number): void {
  if (nowMs <= token.enrolUntilMs) return;
  throw new NearbitsError('E_TOKEN', `the join token expired at ${new Date(token.enrolUntilMs).toISOString()}`, {
    details: { enrolUntilMs: token.enrolUntilMs },
    hint: 'Make a new one with "nearbits domain invite" on the machine that made the domain, and check this machine\'s clock.',
  });
}
