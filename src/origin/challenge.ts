import type { ResponseHeaders } from './headers.ts';

/** One way to log in that a server or proxy offers (RFC 9110 section 11.3). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By name in lower case; of a repeated name the first counts. */
  readonly params: ReadonlyMap<string, string>;
}

/** More challenges of one answer are ignored. */
export const MAX_CHALLENGES = 16;
/** More parameters of one challenge are ignored. */
export const MAX_CHALLENGE_PARAMS = 32;
/** Longer header lines are cut here before they are read. */
const MAX_LINE_LENGTH = 8 * 1024;

const SEPARATORS = /[ \t,]*/y;
const PARAM = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[\s\S])*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z]+))/y;
const SCHEME = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?=[ \t,]|$)/y;
const TOKEN68 = /[ \t]+[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const REST_OF_MEMBER = /[^,]*/y;

/** Reads WWW-Authenticate or Proxy-Authenticate, each line by itself, so that one that is broken does not spoil the others. */
export function readChallenges(headers: ResponseHeaders, name: string): Challenge[] {
  const lines = headers[name] ?? [];
  return (typeof lines === 'string' ? [lines] : lines).flatMap(parseChallenges).slice(0, MAX_CHALLENGES);
}

/** Reads one header line; what cannot be understood is skipped up to the next comma. Never throws. */
export function parseChallenges(line: string): Challenge[] {
  const text = line.slice(0, MAX_LINE_LENGTH);
  const challenges: { scheme: string; params: Map<string, string> }[] = [];
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  for (take(SEPARATORS); position < text.length && challenges.length < MAX_CHALLENGES; take(SEPARATORS)) {
    const current = challenges.at(-1);
    const param = current === undefined ? null : take(PARAM);
    if (param !== null) addParam(current?.params, param);
    else {
      const scheme = take(SCHEME);
      if (scheme === null) take(REST_OF_MEMBER);
      else challenges.push({ scheme: scheme[0].toLowerCase(), params: new Map() });
      if (scheme !== null) take(TOKEN68);
    }
  }
  return challenges;
}

function addParam(params: Map<string, string> | undefined, match: RegExpExecArray): void {
  const name = (match[1] as string).toLowerCase();
  if (params === undefined || params.size >= MAX_CHALLENGE_PARAMS || params.has(name)) return;
  params.set(name, match[3] ?? (match[2] ?? '').replace(/\\([\s\S])/g, '$1'));
}
