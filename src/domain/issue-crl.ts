import { createHash, type KeyObject, sign } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import type { RevocationList } from './crl.ts';
import { itemsOf, readBitBytes, readDer, TAG } from './der.ts';
import { writeDer, writeInteger, writeSequence, writeTime } from './der-write.ts';
import { checkSigningKey } from './issue.ts';

// Object identifiers in DER: ecdsa-with-SHA256, authorityKeyIdentifier (2.5.29.35), cRLNumber (2.5.29.20).
const ECDSA_SHA256 = writeSequence(Buffer.from('06082a8648ce3d040302', 'hex'));
const AUTHORITY_KEY_ID = Buffer.from('0603551d23', 'hex');
const CRL_NUMBER = Buffer.from('0603551d14', 'hex');
const VERSION_2 = writeInteger('01');

/**
 * Signs a revocation list (RFC 5280 section 5) that holds every entry of the previous one, byte for byte, and one more
 * serial number (hexadecimal).
 *
 * It is written here and not by @peculiar/x509: a list must never lose an entry, and that library was seen to read lists of
 * its own making as empty, and to give up beyond about 3,000 entries.
 */
export function issueRevocationList(
  issuer: { readonly ca: Certificate; readonly key: KeyObject },
  previous: RevocationList | null,
  serial: string,
  nowMs: number,
): Uint8Array {
  const { ca, key } = issuer;
  checkSigningKey(key);
  const entry = writeSequence(writeInteger(serial), writeTime(nowMs));
  const signed = writeSequence(
    VERSION_2,
    ECDSA_SHA256,
    Buffer.from(ca.subject, 'hex'),
    writeTime(nowMs),
    // Another list may come at any time; this one stays good as long as the CA.
    writeTime(ca.notAfterMs),
    writeDer(TAG.sequence, previous?.entriesDer ?? new Uint8Array(), entry),
    writeDer(0xa0, writeSequence(authorityKeyId(ca), listNumber((previous?.serials.size ?? 0) + 1))),
  );
  const signature = sign('sha256', signed, key);
  return writeSequence(signed, ECDSA_SHA256, writeDer(TAG.bitString, Uint8Array.of(0), signature));
}

// The usual key identifier: SHA-1 over the bits of the public key (RFC 5280 4.2.1.2); a name, not a proof.
function authorityKeyId(ca: Certificate): Uint8Array {
  const spki = ca.x509.publicKey.export({ type: 'spki', format: 'der' });
  const id = createHash('sha1')
    .update(readBitBytes(itemsOf(readDer(spki))[1]))
    .digest();
  return writeSequence(AUTHORITY_KEY_ID, writeDer(TAG.octetString, writeSequence(writeDer(0x80, id))));
}

// Lists only grow, so the number of entries can be the number that RFC 5280 5.2.3 demands.
function listNumber(entries: number): Uint8Array {
  return writeSequence(CRL_NUMBER, writeDer(TAG.octetString, writeInteger(entries.toString(16))));
}
