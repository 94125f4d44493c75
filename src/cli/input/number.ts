import { NearbitsError } from '../../core/errors.ts';

/**
 * A whole number from the command line.
 * @throws NearbitsError E_INVALIDARG unless it lies between `min` and `max`.
 */
export function parseWhole(text: string, what: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const limits = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  throw new NearbitsError('E_INVALIDARG', `"${text.slice(0, 40)}" is not ${what}`, {
    hint: `Write a whole number ${limits}.`,
  });
}

/** The place of a file in its job. @throws NearbitsError E_INVALIDARG */
export function parseFileIndex(text: string): number {
  return parseWhole(text, 'the place of a file, which "nearbits job files JOB" shows');
}
