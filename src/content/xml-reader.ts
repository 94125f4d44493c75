import { NearbitsError } from '../core/errors.ts';

/** An element as it begins. */
export interface XmlElement {
  /** Name of its namespace; empty for none. */
  readonly namespace: string;
  /** Name without prefix. */
  readonly name: string;
  /** Attributes without a prefix; namespace declarations are not among them. */
  readonly attributes: ReadonlyMap<string, string>;
}

/** Hears a document as it is read, element by element. What it throws ends the reading. */
export interface XmlHandler {
  open(element: XmlElement): void;
  /** Text inside an element, in any number of parts. */
  text(text: string): void;
  close(): void;
}

/** Elements lie at most this deep inside each other. */
export const MAX_XML_DEPTH = 32;
/** An element has at most this many attributes. */
export const MAX_XML_ATTRIBUTES = 32;
/** At most this many prefixes are declared at one place, because each element that declares one copies them. */
const MAX_PREFIXES = 32;

type Scope = ReadonlyMap<string, string>;

const NAME = '[A-Za-z_\\u{80}-\\u{10ffff}][\\w.\\-\\u{80}-\\u{10ffff}]*';
const QUALIFIED = `(?:(${NAME}):)?(${NAME})`;
const OPEN = new RegExp(`<${QUALIFIED}`, 'uy');
const CLOSE = new RegExp(`</((?:${NAME}:)?${NAME})[ \\t\\n]*>`, 'uy');
const ATTRIBUTE = new RegExp(`[ \\t\\n]+${QUALIFIED}[ \\t\\n]*=[ \\t\\n]*(?:"([^<"]*)"|'([^<']*)')`, 'uy');
const OPEN_END = /[ \t\n]*(\/?)>/y;
const DECLARATION =
  /<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(["'])1\.[0-9]\1(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(["'])utf-8\2)?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(["'])(?:yes|no)\3)?[ \t\n]*\?>/iy;
const NO_CHARACTER = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/**
 * Reads a subset of XML 1.0 with namespaces, in one pass and without building a tree: well-formed documents in UTF-8
 * without a document type, so that nothing can be declared, expanded or fetched. Only the five entities of XML and
 * references to characters stand for other text. The caller bounds the length; the time is linear in it.
 * @throws NearbitsError E_INVALID_ARGUMENT for everything else.
 */
export function readXml(bytes: Uint8Array, handler: XmlHandler): void {
  new XmlReader(decode(bytes), handler).read();
}

function decode(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!NO_CHARACTER.test(text)) return text.replaceAll(/\r\n?/g, '\n');
  } catch (cause) {
    throw new NearbitsError('E_INVALID_ARGUMENT', 'the XML document is not written in UTF-8', { cause });
  }
  throw new NearbitsError('E_INVALID_ARGUMENT', 'the XML document holds characters that XML does not know');
}

class XmlReader {
  readonly #text: string;
  readonly #handler: XmlHandler;
  readonly #open: { readonly tag: string; readonly scope: Scope }[] = [];
  #position = 0;
  #hadRoot = false;

  constructor(text: string, handler: XmlHandler) {
    this.#text = text;
    this.#handler = handler;
  }

  read(): void {
    this.#take(DECLARATION);
    while (this.#position < this.#text.length) {
      if (this.#text[this.#position] === '<') this.#markup();
      else this.#characters();
    }
    if (this.#open.length > 0 || !this.#hadRoot) throw this.#wrong('it ends too early');
  }

  #markup(): void {
    const { length } = this.#open;
    if (this.#starts('<!--')) this.#comment();
    else if (this.#starts('<![CDATA[') && length > 0) this.#handler.text(this.#until('<![CDATA[', ']]>'));
    else if (this.#starts('<!')) throw this.#wrong('a document type is not accepted');
    else if (this.#starts('<?')) this.#instruction();
    else if (this.#starts('</')) this.#end();
    else this.#begin();
  }

  #characters(): void {
    const next = this.#text.indexOf('<', this.#position);
    const raw = this.#text.slice(this.#position, next === -1 ? undefined : next);
    const inside = this.#open.length > 0;
    if (!inside && /[^ \t\n]/.test(raw)) throw this.#wrong('text outside of its root element');
    if (raw.includes(']]>')) throw this.#wrong(']]> in its text');
    if (inside) this.#handler.text(this.#unescape(raw));
    this.#position += raw.length;
  }

  #comment(): void {
    if (this.#until('<!--', '-->').includes('--')) throw this.#wrong('-- in a comment');
  }

  #instruction(): void {
    if (/^xml[ \t\n]/i.test(this.#until('<?', '?>'))) throw this.#wrong('an XML declaration that is not accepted');
  }

  #begin(): void {
    const tag = this.#take(OPEN);
    if (tag === null || (this.#open.length === 0 && this.#hadRoot)) throw this.#wrong('markup where none may be');
    if (this.#open.length === MAX_XML_DEPTH) throw this.#wrong(`more than ${MAX_XML_DEPTH} levels`);
    this.#hadRoot = true;
    const { attributes, scope } = this.#attributes(this.#open.at(-1)?.scope ?? new Map());
    const end = this.#take(OPEN_END);
    if (end === null) throw this.#wrong('a tag that does not end');
    this.#handler.open({ namespace: this.#namespace(scope, tag[1]), name: tag[2] as string, attributes });
    if (end[1] === '/') this.#handler.close();
    else this.#open.push({ tag: tag[0].slice(1), scope });
  }

  #attributes(outer: Scope): { readonly attributes: Map<string, string>; readonly scope: Scope } {
    const attributes = new Map<string, string>();
    const declared = new Map<string, string>();
    const names = new Set<string>();
    for (let match = this.#take(ATTRIBUTE); match !== null; match = this.#take(ATTRIBUTE)) {
      const [, prefix, name = '', double, single] = match;
      const value = this.#unescape(double ?? single ?? '').replaceAll(/[\t\n]/g, ' ');
      const full = `${prefix ?? ''}:${name}`;
      if (names.has(full) || names.size === MAX_XML_ATTRIBUTES) throw this.#wrong('repeated or too many attributes');
      names.add(full);
      if (prefix === 'xmlns') declared.set(name, value);
      else if (prefix === undefined && name === 'xmlns') declared.set('', value);
      else if (prefix === undefined) attributes.set(name, value);
    }
    if (outer.size + declared.size > MAX_PREFIXES) throw this.#wrong('too many namespaces');
    return { attributes, scope: declared.size === 0 ? outer : new Map([...outer, ...declared]) };
  }

  #namespace(scope: Scope, prefix: string | undefined): string {
    const namespace = scope.get(prefix ?? '');
    if (namespace === undefined && prefix !== undefined) throw this.#wrong('a prefix that was not declared');
    return namespace ?? '';
  }

  #end(): void {
    const tag = this.#take(CLOSE);
    if (tag === null || this.#open.pop()?.tag !== tag[1]) throw this.#wrong('an end tag without its beginning');
    this.#handler.close();
  }

  #unescape(raw: string): string {
    if (!raw.includes('&')) return raw;
    return raw.replaceAll(/&(?:([^&;]{1,10});)?/g, (_, name: string | undefined) => {
      const text = name === undefined ? undefined : (ENTITIES.get(name) ?? characterOf(name));
      if (text === undefined) throw this.#wrong('an entity that is not known');
      return text;
    });
  }

  #starts(text: string): boolean {
    return this.#text.startsWith(text, this.#position);
  }

  // The text between two marks, of which the first stands here; goes on behind the second.
  #until(begin: string, end: string): string {
    const from = this.#position + begin.length;
    const to = this.#text.indexOf(end, from);
    if (to === -1) throw this.#wrong(`${begin} without ${end}`);
    this.#position = to + end.length;
    return this.#text.slice(from, to);
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#position = pattern.lastIndex;
    return match;
  }

  #wrong(what: string): NearbitsError {
    return new NearbitsError('E_INVALID_ARGUMENT', `the XML document cannot be read: ${what}`, {
      details: { offset: this.#position },
    });
  }
}

function characterOf(reference: string): string | undefined {
  const match = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(reference);
  const code = match === null ? Number.NaN : Number.parseInt(match[1] ?? (match[2] as string), match[1] ? 16 : 10);
  if (!(code <= 0x10ffff)) return undefined;
  const text = String.fromCodePoint(code);
  return NO_CHARACTER.test(text) ? undefined : text;
}
