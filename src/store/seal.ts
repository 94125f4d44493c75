import { crc32 } from 'node:zlib';

/** Bytes that a seal adds to a value. */
const SEAL_BYTES = 4;

/**
 * Puts a CRC-32 of key and value before the value. LevelDB does not check its
 * own block checksums when it reads through classic-level (seen with one
 * flipped bit in a table file), so each value proves itself.
 */
export function seal(key: string, value: Uint8Array): Uint8Array {
  const sealed = Buffer.allocUnsafe(SEAL_BYTES + value.byteLength);
  sealed.set(value, SEAL_BYTES);
  sealed.writeUInt32LE(checksum(key, value));
  return sealed;
}

/** The value without its seal, or null when key or value are not what was sealed. */
export function unseal(key: string, sealed: Uint8Array): Uint8Array | null {
  if (sealed.byteLength < SEAL_BYTES) return null;
  const value = sealed.subarray(SEAL_BYTES);
  const expected = new DataView(sealed.buffer, sealed.byteOffset, SEAL_BYTES).getUint32(0, true);
  return checksum(key, value) === expected ? value : null;
}

function checksum(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}
