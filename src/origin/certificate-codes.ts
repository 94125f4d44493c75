import type { TlsLeniency } from './job-settings.ts';

/** A fault of a server's certificate that a job may choose to overlook. */
export type OverlookedFault = Exclude<keyof TlsLeniency, 'checkRevocation'>;

/** The code Node gives a certificate that is made out to another name. */
export const WRONG_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

const FAULTS: ReadonlyMap<string, OverlookedFault> = new Map([
  [WRONG_NAME, 'ignoreWrongName'],
  ['CERT_HAS_EXPIRED', 'ignoreWrongDate'],
  ['CERT_NOT_YET_VALID', 'ignoreWrongDate'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ignoreUnknownAuthority'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'ignoreUnknownAuthority'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'ignoreUnknownAuthority'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'ignoreUnknownAuthority'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ignoreUnknownAuthority'],
  ['INVALID_PURPOSE', 'ignoreWrongUsage'],
]);

/** The flag that overlooks this fault, or null when none does. */
export function flagFor(code: string): OverlookedFault | null {
  return FAULTS.get(code) ?? null;
}

// What OpenSSL finds wrong with a chain of certificates, as Node spells it.
const OTHERS =
  /^(CERT_|CRL_|UNABLE_TO_GET_CRL|UNABLE_TO_DECRYPT_C|UNABLE_TO_DECODE_ISSUER|ERROR_IN_C|INVALID_CA$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$|UNSPECIFIED$)/;

/** Whether the code says that the certificate of the server was refused, by whichever rule. */
export function isCertificateCode(code: string): boolean {
  return FAULTS.has(code) || OTHERS.test(code);
}

/** Whether the server ended the connection because it wants a client certificate and got none (RFC 8446 section 6.2). */
export function wantsClientCertificate(code: string): boolean {
  return /ALERT_CERTIFICATE_REQUIRED$/.test(code);
}

/** Whether the server ended the connection because it does not accept the client certificate it got. */
export function refusesClientCertificate(code: string): boolean {
  return /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(EXPIRED|REVOKED|UNKNOWN))$/.test(code);
}

/** A refusal by our own check, in the form of those that come from OpenSSL. */
export function certificateFailure(code: string): Error {
  return Object.assign(new Error(`the certificate was refused: ${code}`), { code });
}
