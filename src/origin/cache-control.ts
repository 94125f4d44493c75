/**
 * The names of the directives in a Cache-Control header, in lower case, without their arguments (RFC 9111 section 5.2).
 * Unknown and malformed directives are kept or skipped, never an error. A quote that is not closed
 * counts as an ordinary character, so that it cannot hide a `private` behind it.
 */
export function cacheDirectives(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const directive of splitOutsideQuotes(text)) {
    const name = directive.split('=', 1)[0]?.trim().toLowerCase() ?? '';
    if (name !== '') names.add(name);
  }
  return names;
}

function splitOutsideQuotes(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let index = 0;
  let quotesCount = true;
  while (index < text.length) {
    if (text[index] === ',') {
      parts.push(text.slice(start, index));
      start = index + 1;
    } else if (text[index] === '"' && quotesCount) {
      const end = endOfQuoted(text, index);
      // Once one quote stays open all later ones are plain characters: that keeps the scan linear.
      if (end === -1) quotesCount = false;
      else index = end;
    }
    index++;
  }
  parts.push(text.slice(start));
  return parts;
}

// Position of the quote that closes the one at `start`, or -1.
function endOfQuoted(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === '"') return index;
  }
  return -1;
}
