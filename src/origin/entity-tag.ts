/** Longer ETags are ignored: they would only swell the index and the search messages. */
export const MAX_ETAG_LENGTH = 512;

// Visible characters and obs-text without the quote (RFC 9110 section 8.8.3).
const ENTITY_TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
const VISIBLE = /^[\x21-\x7e\x80-\xff]+$/;

/**
 * The ETag to remember, as it was sent, or null when it is absent or too long.
 * Unquoted ones are wrong by RFC 9110 but common; they still change with the content, so they are kept, yet never sent back.
 */
export function acceptEntityTag(text: string | null): string | null {
  if (text === null || text.length > MAX_ETAG_LENGTH) return null;
  return ENTITY_TAG.test(text) || VISIBLE.test(text) ? text : null;
}

/** Whether the ETag is well-formed and strong, so that it may stand in If-Range (RFC 9110 section 13.1.5). */
export function isStrongEntityTag(text: string | null): text is string {
  return text !== null && ENTITY_TAG.test(text) && !text.startsWith('W/');
}

/** Whether both name the same content by weak comparison: a gateway may weaken the tag between two answers (RFC 9110 section 8.8.3.2). */
export function matchEntityTags(a: string, b: string): boolean {
  return a.replace(/^W\//, '') === b.replace(/^W\//, '');
}
