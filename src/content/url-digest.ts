// Blobs of the OCI distribution specification, "Pulling blobs": /v2/<name>/blobs/<digest>; name of at most 255 characters.
const OCI_BLOB = /^\/v2\/[a-z0-9][a-z0-9._/-]{0,254}\/blobs\/sha256:([0-9a-f]{64})$/;
// Index files of apt repositories with Acquire-By-Hash: <directory of the file>/by-hash/SHA256/<digest>.
const APT_BY_HASH = /\/by-hash\/SHA256\/([0-9a-f]{64})$/;

/** The SHA-256 that a URL of a known form promises for its content, or null. The query does not count. */
export function digestInUrl(url: string): Uint8Array | null {
  const path = URL.parse(url)?.pathname ?? '';
  const hex = (OCI_BLOB.exec(path) ?? APT_BY_HASH.exec(path))?.[1];
  return hex === undefined ? null : Buffer.from(hex, 'hex');
}
