/** At most so many bytes of content may come with the answer to a search: 64 KiB. */
export const MAX_INLINE_BYTES = 65_536;

/**
 * How many bytes of content a search allows in an answer; 0: none, because all of it could not come that way. A holder
 * sends whole pieces, which may reach beyond what is wanted, but not beyond the file.
 * @param fileBytes size of the file.
 * @param wantedBytes those of its bytes that are wanted.
 */
export function inlineAllowance(fileBytes: number, wantedBytes: number): number {
  if (fileBytes <= MAX_INLINE_BYTES) return fileBytes;
  return wantedBytes <= MAX_INLINE_BYTES ? wantedBytes : 0;
}

/**
 * How many peers of one search are asked for content with their answer: as many as may send 64 KiB together, and at least
 * one. So a file of a few KiB, which costs less than the answers around it, comes at once from whoever holds it, and
 * a larger one never comes many times over.
 * @param allowance what each may send, in bytes; 0: nobody is asked.
 */
export function inlineAskers(allowance: number): number {
  return allowance === 0 ? 0 : Math.max(1, Math.floor(MAX_INLINE_BYTES / allowance));
}
