/** Kinds of PEM blocks that a domain keeps. */
export type PemLabel = 'CERTIFICATE' | 'X509 CRL' | 'PRIVATE KEY';

/** The DER of each block with this label, in order (RFC 7468); text around the blocks is ignored. */
export function decodePem(text: string, label: PemLabel): Uint8Array[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g);
  return [...blocks].filter(([, found]) => found === label).map(([, , body = '']) => Buffer.from(body, 'base64'));
}

/** Blocks with this label, one after the other, lines of 64 characters. */
export function encodePem(label: PemLabel, ...blocks: readonly Uint8Array[]): string {
  return blocks.map((der) => encodeOne(label, der)).join('');
}

function encodeOne(label: PemLabel, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
