import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import { parseNodeId } from '../core/ids.ts';
import { requireAuthority } from './authority.ts';
import { normalizeSerial } from './der.ts';
import { DomainFiles } from './domain-files.ts';
import { issueRevocationList } from './issue-crl.ts';
import { revocationSerialOf } from './names.ts';
import { encodePem } from './pem.ts';

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
