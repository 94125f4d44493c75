/** One link of a Link header (RFC 8288). */
export interface Link {
  /** As it stands there; may be relative. */
  readonly target: string;
  /** By name in lower case; of a repeated name the first counts. */
  readonly params: ReadonlyMap<string, string>;
}

/** More links of one answer are ignored. */
export const MAX_LINKS = 64;
/** More parameters of one link are ignored. */
const MAX_PARAMS = 16;
/** Longer headers are cut here before they are read. */
const MAX_LENGTH = 16 * 1024;

const SEPARATORS = /[ \t,]*/y;
const TARGET = /<([^>]*)>/y;
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const PARAM = new RegExp(
  `[ \\t]*;[ \\t]*(?:(${TOKEN})[ \\t]*(?:=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;,"]*)))?)?`,
  'y',
);
const REST_OF_LINK = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)*/y;

/** Reads a Link header; what cannot be understood is skipped up to the next comma outside quotes. Never throws. */
export function parseLinks(header: string): Link[] {
  const text = header.slice(0, MAX_LENGTH);
  const links: Link[] = [];
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  for (take(SEPARATORS); position < text.length && links.length < MAX_LINKS; take(SEPARATORS)) {
    const target = take(TARGET)?.[1];
    const params = new Map<string, string>();
    if (target !== undefined) {
      for (let param = take(PARAM); param !== null; param = take(PARAM)) addParam(params, param);
      links.push({ target: target.trim(), params });
    }
    take(REST_OF_LINK);
  }
  return links;
}

function addParam(params: Map<string, string>, [, name, quoted, plain]: RegExpExecArray): void {
  const key = name?.toLowerCase();
  if (key === undefined || params.has(key) || params.size === MAX_PARAMS) return;
  params.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain?.trim() ?? '');
}
