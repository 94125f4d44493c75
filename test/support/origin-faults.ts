import { type Faults, LAST_MODIFIED, type OriginScript } from './origin-script.ts';

const HALF = (script: OriginScript) => Math.floor(script.content.size / 2);

// Named faults for origins that run as a process of their own; sizes depend on the file.
const FAULTS: Readonly<Record<string, (script: OriginScript) => Faults>> = {
  'not-found': () => ({ status: 404 }),
  forbidden: () => ({ status: 403 }),
  failing: () => ({ status: 500 }),
  unavailable: () => ({ status: 503 }),
  'no-head': () => ({ headStatus: 405 }),
  'close-midway': (script) => ({ closeAfterBytes: HALF(script) }),
  'stall-midway': (script) => ({ stallAfterBytes: HALF(script) }),
  'long-length': () => ({ addToLength: 1000 }),
  'ignore-range': () => ({ ignoreRange: true }),
  'no-ranges': () => ({ noRanges: true }),
  'no-length': () => ({ noLength: true, noRanges: true }),
  'wrong-range': () => ({ shiftRange: 1 }),
  gzip: () => ({ gzip: true }),
  drip: () => ({ bytesPerSecond: 100 }),
};

const HEADERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  private: { 'cache-control': 'private' },
  'no-store': { 'cache-control': 'no-store' },
  'set-cookie': { 'set-cookie': 'session=1' },
};

/** The script with the named fault, or null when no fault has that name. */
export function faultNamed(name: string, script: OriginScript): OriginScript | null {
  const faults = FAULTS[name];
  if (faults !== undefined) return { ...script, faults: faults(script) };
  const headers = HEADERS[name];
  if (headers !== undefined) return { ...script, headers };
  if (name === 'redirect') return { ...script, faults: { redirectTo: `/file/${script.content.size}` } };
  if (name === 'redirect-loop')
    return { ...script, faults: { redirectTo: `/fault/redirect-loop/${script.content.size}` } };
  if (name === 'changing') return { ...script, lastModified: null, etag: `"${Math.floor(Date.now() / 1000)}"` };
  return name === 'none' ? { ...script, lastModified: LAST_MODIFIED } : null;
}
