import type { OriginJobSettings } from '../../origin/job-settings.ts';
import { SECURITY } from '../model/properties.ts';
import type { AuthScheme } from '../model/view.ts';
import type { JobRecord } from '../store/job-record.ts';
import type { JobSecrets } from '../store/secrets.ts';

/** How the origins of a job are asked, from its properties and secrets. */
export function originSettings({ properties }: Pick<JobRecord, 'properties'>, secrets: JobSecrets): OriginJobSettings {
  const { securityFlags, proxy } = properties;
  const has = (bit: number) => (securityFlags & bit) !== 0;
  return {
    method: properties.httpMethod,
    headers: secrets.customHeaders,
    proxy: proxyOf(proxy),
    credentials: secrets.credentials.map(({ target, scheme, user, password }) => ({
      target: target as 'SERVER' | 'PROXY',
      scheme: scheme as AuthScheme,
      user,
      password,
    })),
    clientCertificate: secrets.clientCertificate,
    tls: {
      ignoreWrongName: has(SECURITY.ignoreWrongName),
      ignoreWrongDate: has(SECURITY.ignoreWrongDate),
      ignoreUnknownAuthority: has(SECURITY.ignoreUnknownAuthority),
      ignoreWrongUsage: has(SECURITY.ignoreWrongUsage),
      checkRevocation: has(SECURITY.checkRevocation),
    },
    redirects: redirectsOf(securityFlags),
    allowHttpsToHttp: has(SECURITY.allowHttpsToHttp),
    // The job counts all its files together: see FileRun.
    maxFileBytes: null,
  };
}

function proxyOf({ usage, list, bypass }: JobRecord['properties']['proxy']): OriginJobSettings['proxy'] {
  if (usage === 'OVERRIDE') return { usage, list, bypass };
  return { usage: usage === 'NO_PROXY' ? 'NO_PROXY' : 'PRECONFIG' };
}

function redirectsOf(flags: number): OriginJobSettings['redirects'] {
  const policy = flags & SECURITY.redirectMask;
  if (policy === SECURITY.redirectDisallow) return 'disallow';
  return policy === SECURITY.redirectReport ? 'report' : 'silent';
}
