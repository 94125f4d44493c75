import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { DomainFiles } from './domain-files.ts';
import { domainTag } from './names.ts';
import { decodePem, encodePem } from './pem.ts';
import { createTrustAnchor, type TrustAnchor } from './trust.ts';
import { verifyMembershipChain } from './verify-chain.ts';

/** A node's membership of a domain: everything both channels need to prove it and to check others. */
export interface Membership {
  /** Name of the domain: the common name of its CA. */
  readonly domain: string;
  readonly nodeId: NodeId;
  /** 16 bytes that name the domain in discovery datagrams. */
  readonly tag: Uint8Array;
  readonly caPem: string;
  /** The node's chain, leaf first, without the CA. */
  readonly chainPem: string;
  /** The same as DER, for the membership exchange. */
  readonly chainDer: readonly Uint8Array[];
  /** Private key of the leaf, PKCS #8; for TLS only. */
  readonly keyPem: string;
  /**
   * For {@link verifyMembershipChain}. The revocation lists are in here and nowhere else: Node's TLS option `crl` would
   * demand a list of every intermediate CA, which enrolment CAs do not have, so TLS connections are checked with
   * verifyTlsPeer right after their handshake instead.
   */
  readonly trust: TrustAnchor;
  /** When the first certificate of the chain ends, milliseconds since 1970. */
  readonly notAfterMs: number;
  /** Whether the key of the CA lies on this machine, so that it can invite and revoke. */
  readonly canInvite: boolean;
}

/**
 * Reads the membership in `dir` (the folder `domain` of the data directory), be it made by this program or placed there
 * by an administrator: `ca.pem`, `node.pem` (leaf first, then its intermediate CAs), `node.key`, and optionally `crl.pem`.
 * @returns null when there is no `node.pem`: the node is in no domain.
 * @throws NearbitsError E_DOMAIN when files are missing or do not fit together, E_CERTIFICATE when the chain proves no
 * membership (any more) for `nodeId`.
 */
export async function loadMembership(dir: string, nodeId: NodeId, clock: Clock): Promise<Membership | null> {
  const files = new DomainFiles(dir);
  const nodePem = await files.read('node.pem');
  if (nodePem === null) return null;
  const trust = await loadTrust(files);
  const chainDer = ownChain(nodePem, trust);
  const keyPem = await required(files, 'node.key');
  checkKey(keyPem, readCertificate(chainDer[0] as Uint8Array), dir);
  const { notAfterMs } = verifyOwn(chainDer, trust, nodeId, clock.wallMs());
  return {
    domain: domainName(trust),
    nodeId,
    tag: domainTag(trust.ca.x509.publicKey),
    caPem: encodePem('CERTIFICATE', trust.ca.der),
    chainPem: encodePem('CERTIFICATE', ...chainDer),
    chainDer,
    keyPem,
    trust,
    notAfterMs,
    canInvite: (await files.read('ca.key')) !== null,
  };
}

/** Reads `ca.pem` and `crl.pem`. @throws NearbitsError E_DOMAIN when there is no CA or more than one; E_CERTIFICATE. */
export async function loadTrust(files: DomainFiles): Promise<TrustAnchor> {
  const [caDer, ...more] = decodePem(await required(files, 'ca.pem'), 'CERTIFICATE');
  if (caDer === undefined || more.length > 0) {
    throw new NearbitsError('E_DOMAIN', `${files.dir}: ca.pem must hold exactly one certificate`, {
      hint: 'Put the root of the domain into ca.pem and intermediate CAs behind the leaf in node.pem.',
    });
  }
  return createTrustAnchor(caDer, decodePem((await files.read('crl.pem')) ?? '', 'X509 CRL'));
}

/** Name of a domain for people: the common name of its CA, else its organisation, else its whole name. */
export function domainName(trust: TrustAnchor): string {
  const subject = trust.ca.x509.subject;
  const parts = new Map(subject.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
  return parts.get('CN') ?? parts.get('O') ?? subject.replaceAll('\n', ', ');
}

/** The private key in a PEM file. @throws NearbitsError E_DOMAIN when there is none. */
export function readKey(pem: string, where: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new NearbitsError('E_DOMAIN', `${where} holds no private key that can be read without a passphrase`, {
      cause: error,
    });
  }
}

function ownChain(nodePem: string, trust: TrustAnchor): Uint8Array[] {
  const chain = decodePem(nodePem, 'CERTIFICATE').filter((der) => !trust.ca.x509.raw.equals(der));
  if (chain.length === 0) throw new NearbitsError('E_DOMAIN', 'node.pem holds no certificate of a node');
  return chain;
}

function verifyOwn(chainDer: readonly Uint8Array[], trust: TrustAnchor, nodeId: NodeId, nowMs: number) {
  try {
    return verifyMembershipChain(chainDer, trust, nodeId, nowMs);
  } catch (error) {
    if (!(error instanceof NearbitsError)) throw error;
    throw new NearbitsError('E_CERTIFICATE', `this node's own membership does not hold: ${error.message}`, {
      cause: error,
      details: error.details,
      hint:
        error.details.reason === 'not-yet-valid'
          ? "Set this machine's clock right; the membership counts again by itself within an hour, or at once after SIGHUP."
          : 'Join again with a new token ("nearbits domain invite" on the machine that made the domain), or replace node.pem.',
    });
  }
}

function checkKey(keyPem: string, leaf: Certificate, dir: string): void {
  const key = readKey(keyPem, 'node.key');
  if (createPublicKey(key).equals(leaf.x509.publicKey)) return;
  throw new NearbitsError('E_DOMAIN', `${dir}: node.key does not belong to the first certificate in node.pem`, {
    hint: "Put the node's own certificate first in node.pem, and the key it was made for into node.key.",
  });
}

async function required(files: DomainFiles, name: 'ca.pem' | 'node.key'): Promise<string> {
  const text = await files.read(name);
  if (text !== null) return text;
  throw new NearbitsError('E_DOMAIN', `${files.dir}: ${name} is missing`, {
    hint: 'Place ca.pem, node.pem and node.key together, or run "nearbits domain leave" and join again.',
  });
}
