import { createPublicKey, type KeyObject } from 'node:crypto';
import { NearbitsError } from '../core/errors.ts';
import type { DomainFiles } from './domain-files.ts';
import { issueCertificate, keyPem, newKey } from './issue.ts';
import { domainName, loadTrust, readKey } from './membership.ts';
import { CLOCK_SKEW_MS } from './names.ts';
import { encodePem } from './pem.ts';
import { createTrustAnchor, type TrustAnchor } from './trust.ts';

/** The CA of a domain is valid for 10 years; leaves and enrolment CAs never outlive it. */
const CA_TERM_MS = 10 * 365 * 86_400_000;

/** The CA of a domain with its key: who has it can invite and revoke. */
export interface Authority {
  readonly trust: TrustAnchor;
  readonly key: KeyObject;
}

/** Makes a CA, and replaces what an earlier domain left. The key comes last: without it the certificate means nothing. */
export async function createAuthority(files: DomainFiles, name: string, nowMs: number): Promise<Authority> {
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

/** The CA whose key lies here, or null. @throws NearbitsError E_DOMAIN when the key belongs to another certificate. */
export async function findAuthority(files: DomainFiles): Promise<Authority | null> {
  const pem = await files.read('ca.key');
  if (pem === null) return null;
  const trust = await loadTrust(files);
  const key = readKey(pem, 'ca.key');
  if (createPublicKey(key).equals(trust.ca.x509.publicKey)) return { trust, key };
  throw new NearbitsError('E_DOMAIN', `${files.dir}: ca.key does not belong to ca.pem`, {
    hint: 'Move ca.key to a safe place if it belongs to another domain.',
  });
}

/** @throws NearbitsError E_DOMAIN when there is no key. */
export async function requireAuthority(files: DomainFiles): Promise<Authority> {
  const authority = await findAuthority(files);
  if (authority !== null) return authority;
  throw new NearbitsError('E_DOMAIN', 'this machine does not hold the key of the domain', {
    hint: 'Run this on the machine that made the domain, or make a domain with "nearbits domain create NAME".',
  });
}

/** The error for a directory that holds the key of a domain which is not the one wanted. */
export function otherAuthority(files: DomainFiles, trust: TrustAnchor): NearbitsError {
  return new NearbitsError('E_DOMAIN', `this machine holds the key of the domain "${domainName(trust)}"`, {
    hint: `Move ca.key and ca.pem from ${files.dir} to a safe place: without them nobody can join that domain any more.`,
  });
}
