import { MAX_METALINK_BYTES, type MetalinkFile, parseMetalink } from '../../content/metalink.ts';
import { NearbitsError } from '../../core/errors.ts';
import { parseOriginUrl } from '../../core/url.ts';
import type { GivenMetalink } from '../../job/model/view.ts';
import type { CommandContext } from '../context.ts';
import { fileNameIn } from '../destination.ts';
import { readNamedFile } from './read-file.ts';

/** What a Metalink file asks for. */
export interface MetalinkWish {
  /** The first http or https URL, by the priority that the document gives. */
  readonly url: string;
  /** The name that it gives the file, made safe. @throws NearbitsError E_DESTINATION when nothing is left of it. */
  readonly name: () => string;
  readonly metalink: GivenMetalink;
}

/** No more names of files than a person reads. */
const MAX_TOLD = 5;

/** Whether an argument names a file with the ending of Metalink documents, and no URL. */
export function isMetalinkFile(text: string): boolean {
  return /\.(meta4|metalink)$/i.test(text) && !isUrl(text);
}

/**
 * The document that --metalink names: a URL, which the node fetches, or a file (`-` for standard input), whose text it gets.
 * @throws NearbitsError E_INVALID_URL; E_INVALIDARG when the file cannot be read or has more than 4 MiB.
 */
export async function readGivenMetalink(context: CommandContext, value: string): Promise<GivenMetalink> {
  if (isUrl(value)) return { url: parseOriginUrl(value) };
  return { document: await readNamedFile(context, value, MAX_METALINK_BYTES) };
}

/**
 * Reads a Metalink file that stands in the place of a URL.
 * @throws NearbitsError E_INVALIDARG when it cannot be read; E_INVALID_ARGUMENT when it is no such document, or does not
 * describe exactly one file with an http or https URL.
 */
export async function readMetalinkFile(context: CommandContext, path: string): Promise<MetalinkWish> {
  const document = await readNamedFile(context, path, MAX_METALINK_BYTES);
  const file = onlyFile(parseMetalink(Buffer.from(document)), path);
  return { url: firstUrl(file, path), name: () => fileNameIn(file.name), metalink: { document } };
}

function onlyFile(files: readonly MetalinkFile[], path: string): MetalinkFile {
  const [only] = files;
  if (only !== undefined && files.length === 1) return only;
  const names = files.slice(0, MAX_TOLD).map(({ name }) => JSON.stringify(name.slice(0, 80)));
  const more = files.length > MAX_TOLD ? ', ...' : '';
  throw unfit(
    path,
    files.length === 0 ? 'describes no file' : `describes ${files.length} files: ${names.join(', ')}${more}`,
    {
      hint: `Name the URL of the one you want: nearbits get URL --metalink ${path.slice(0, 80)}`,
    },
  );
}

function firstUrl({ urls }: MetalinkFile, path: string): string {
  const url = urls.find(isUrl);
  if (url !== undefined) return parseOriginUrl(url);
  throw unfit(path, 'names no http or https URL', {
    hint: `Name one: nearbits get URL --metalink ${path.slice(0, 80)}`,
  });
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

function unfit(path: string, what: string, options: { readonly hint: string }): NearbitsError {
  return new NearbitsError('E_INVALID_ARGUMENT', `${path.slice(0, 80)} ${what}`, options);
}
