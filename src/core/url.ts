import { NearbitsError } from './errors.ts';

/** BITS accepts URLs of at most 2,200 characters. */
export const MAX_URL_LENGTH = 2200;

/**
 * Checks a URL and returns it in its normal form without a fragment: the name under which content is cached and searched.
 * @throws NearbitsError E_INVALID_URL when it is no absolute http or https URL, is longer than 2,200 characters, or holds credentials.
 */
export function parseOriginUrl(text: string): string {
  if (text.length > MAX_URL_LENGTH) {
    throw new NearbitsError(
      'E_INVALID_URL',
      `the URL has ${text.length} characters; at most ${MAX_URL_LENGTH} are allowed`,
    );
  }
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw new NearbitsError('E_INVALID_URL', `"${text.slice(0, 120)}" is not an http or https URL`, {
      hint: 'Give an absolute URL such as https://example.com/file.iso.',
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new NearbitsError('E_INVALID_URL', 'the URL holds a user name or password', {
      hint: 'Take the credentials out of the URL: they would end up in logs and in the cache index.',
    });
  }
  url.hash = '';
  if (url.href.length > MAX_URL_LENGTH) {
    throw new NearbitsError(
      'E_INVALID_URL',
      `the URL has ${url.href.length} characters once it is encoded; at most ${MAX_URL_LENGTH} are allowed`,
    );
  }
  return url.href;
}
