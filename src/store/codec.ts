import type { z } from 'zod';

/** Turns the values of a table into bytes and back. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** The value, or null when the bytes are none of this table's values. */
  decode(bytes: Uint8Array): T | null;
}

/** Values as JSON, checked against a schema when they are read: another release may have written them. */
export function jsonCodec<T>(schema: z.ZodType<T>): Codec<T> {
  return {
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode(bytes) {
      const parsed = schema.safeParse(parseJson(bytes));
      return parsed.success ? parsed.data : null;
    },
  };
}

/** Values that are bytes already. */
export const bytesCodec: Codec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes };

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch {
    // No schema accepts undefined, so text that is no JSON is refused like any other foreign value.
    return undefined;
  }
}
