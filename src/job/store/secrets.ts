import { z } from 'zod';
import type { JobId } from '../../core/ids.ts';
import type { Vault } from '../../security/vault.ts';
import { JobClientCertificate, JobCredentials } from '../model/view.ts';

/** What a job knows and never shows; lies sealed in the store. */
export const JobSecrets = z.strictObject({
  customHeaders: z.record(z.string(), z.string()),
  webhookSecret: z.string().nullable(),
  credentials: z.array(JobCredentials),
  clientCertificate: JobClientCertificate.nullable(),
});
export type JobSecrets = z.output<typeof JobSecrets>;

/** A job without secrets. */
export const NO_SECRETS: JobSecrets = {
  customHeaders: {},
  webhookSecret: null,
  credentials: [],
  clientCertificate: null,
};

/** Seals the secrets of one job; null when it has none. */
export function sealSecrets(vault: Vault, id: JobId, secrets: JobSecrets): string | null {
  const { customHeaders, webhookSecret, credentials, clientCertificate } = secrets;
  const empty = Object.keys(customHeaders).length === 0 && credentials.length === 0;
  if (empty && webhookSecret === null && clientCertificate === null) return null;
  return vault.seal(JSON.stringify(secrets), contextOf(id));
}

/** Opens what {@link sealSecrets} made. @throws NearbitsError when it was sealed for another job, or with a lost key. */
export function unsealSecrets(vault: Vault, id: JobId, sealed: string | null): JobSecrets {
  if (sealed === null) return NO_SECRETS;
  return JobSecrets.parse(JSON.parse(vault.unseal(sealed, contextOf(id))));
}

function contextOf(id: JobId): string {
  return `job ${id}`;
}
