import type { ByteRange } from '../../src/core/byte-range.ts';
import { defaultJobSettings, type OriginCredential, type OriginJobSettings } from '../../src/origin/job-settings.ts';
import type { OriginClient } from '../../src/origin/origin-client.ts';
import type { OriginSession } from '../../src/origin/origin-session.ts';
import { collect, never } from './origin-fixture.ts';

/** A session for a job with these settings, the others being the defaults. */
export function jobSession(client: OriginClient, settings: Partial<OriginJobSettings>): OriginSession {
  return client.forJob({ ...defaultJobSettings, ...settings });
}

/** TLS flags, all off but those that are given. */
export function tlsFlags(flags: Partial<OriginJobSettings['tls']>): OriginJobSettings['tls'] {
  return { ...defaultJobSettings.tls, ...flags };
}

/** A credential for a server unless told otherwise. */
export function credential(
  scheme: OriginCredential['scheme'],
  change: Partial<OriginCredential> = {},
): OriginCredential {
  return { target: 'SERVER', scheme, user: scheme === 'BEARER' ? null : 'me', password: 'word', ...change };
}

/** Probes a URL and fetches ranges of it one after another; one byte unless told otherwise. */
export async function fetchRanges(
  session: OriginSession,
  url: string,
  ranges: readonly ByteRange[] = [{ start: 0, end: 1 }],
): Promise<Buffer> {
  const source = session.source(await session.probe(url, { signal: never }));
  const got = collect();
  for (const range of ranges) await source.fetch(range, got.sink, never);
  return got.bytes();
}
