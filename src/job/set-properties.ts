import { createHash, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import type { JobContext } from './context.ts';
import type { Job } from './job.ts';
import type { JobProperties, JobPropertiesChange } from './model/properties.ts';
import type { JobClientCertificate, JobView } from './model/view.ts';
import type { JobRecord } from './store/job-record.ts';
import { type JobSecrets, NO_SECRETS, sealSecrets, unsealSecrets } from './store/secrets.ts';

/** Divides properties into what the record shows and what only the vault keeps. */
export function splitSecrets(properties: JobProperties): {
  readonly shown: JobRecord['properties'];
  readonly secrets: JobSecrets;
} {
  const { webhook, customHeaders } = properties;
  const shown = { ...properties, customHeaders: {}, webhook: webhook === null ? null : { url: webhook.url } };
  return { shown, secrets: { ...NO_SECRETS, customHeaders, webhookSecret: webhook?.secret ?? null } };
}

/** Properties that a run reads at its start: changing them starts a running job again where it is. */
const READ_BY_RUNS: ReadonlySet<string> = new Set<keyof JobProperties>([
  'customHeaders',
  'proxy',
  'securityFlags',
  'peerCachingFlags',
  'maximumDownloadTimeSeconds',
]);

/** Carries out a change that was checked. Returns whether a running job has to start again. */
export function applyChange(job: Job, change: JobPropertiesChange, context: JobContext): boolean {
  const { record } = job;
  const { customHeaders, webhook, ...plain } = change;
  Object.assign(record.properties, plain);
  if (customHeaders !== undefined || webhook !== undefined) {
    changeSecrets(job, context, (secrets) => ({
      ...secrets,
      customHeaders: customHeaders ?? secrets.customHeaders,
      webhookSecret: webhook === undefined ? secrets.webhookSecret : (webhook?.secret ?? null),
    }));
    if (webhook !== undefined) record.properties.webhook = webhook === null ? null : { url: webhook.url };
  }
  return Object.keys(change).some((name) => READ_BY_RUNS.has(name));
}

/** Seals the secrets of a job anew after a change. */
export function changeSecrets(job: Job, context: JobContext, change: (secrets: JobSecrets) => JobSecrets): void {
  const before = unsealSecrets(context.vault, job.id, job.record.secrets);
  job.record.secrets = sealSecrets(context.vault, job.id, change(before));
}

/** BITS: only the owner, and not an administrator in his place, sets headers and client certificates. */
export function checkIsOwner(job: Job, caller: Caller, what: string): void {
  if (job.record.owner === caller.name) return;
  throw new NearbitsError('E_ACCESSDENIED', `only the owner of the job may set its ${what}`, {
    hint: 'Take the ownership of the job first.',
  });
}

/** Checks that a certificate and its key belong together. @throws NearbitsError E_INVALIDARG */
export function checkCertificate({ certificatePem, keyPem }: JobClientCertificate): void {
  try {
    createSecureContext({ cert: certificatePem, key: keyPem });
  } catch (cause) {
    throw new NearbitsError('E_INVALIDARG', 'the client certificate and its key cannot be used together', {
      cause,
      hint: 'Give both in PEM; the key must be unencrypted and belong to the first certificate.',
    });
  }
}

/** What may be shown of a client certificate: its subject and its SHA-256. */
export function describeCertificate(certificate: JobClientCertificate | null): JobView['clientCertificate'] {
  if (certificate === null) return null;
  const { subject, raw } = new X509Certificate(certificate.certificatePem);
  return { subject, sha256: createHash('sha256').update(raw).digest('hex') };
}
