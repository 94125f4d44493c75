import type { Clock } from '../core/clock.ts';
import type { Logger } from '../observe/log.ts';
import { OriginDispatcher } from './dispatcher.ts';
import type { RequestHeaders } from './headers.ts';
import { needsOwnConnections, type OriginJobSettings, showsIdentity } from './job-settings.ts';
import { Logins } from './logins.ts';
import type { OriginOptions } from './options.ts';
import type { Asker } from './share.ts';

/** What the making of requests works with. */
export interface OriginDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes client nonces for the Digest scheme: unpredictable, visible ASCII without quotes. */
  readonly newNonce: () => string;
}

/** What every request of a job to an origin needs; it holds secrets. */
export interface RequestContext extends OriginDeps {
  readonly options: OriginOptions;
  readonly job: OriginJobSettings;
  readonly logins: Logins;
  /** Connections to the origins that the job names. */
  readonly connections: OriginDispatcher;
  /** Connections to where redirects lead; they do not show the job's client certificate. */
  readonly strangers: OriginDispatcher;
}

/**
 * Prepares the requests of a job on connections of its own, opening none.
 * @throws NearbitsError as the constructor of {@link OriginDispatcher}.
 */
export function createContext(deps: OriginDeps, options: OriginOptions, job: OriginJobSettings): RequestContext {
  const logins = new Logins(deps, job.credentials);
  const connect = (identify: boolean) =>
    new OriginDispatcher({ clock: deps.clock, proxyLogins: logins.proxy }, { origin: options, job, identify });
  const connections = connect(true);
  const strangers = job.clientCertificate === null ? connections : connect(false);
  return { ...deps, options: limited(options, job), job, logins, connections, strangers };
}

/** Prepares the requests of a job on the connections of `parent`, or on its own when they must differ; `owns` tells which. */
export function deriveContext(
  parent: RequestContext,
  job: OriginJobSettings,
): { readonly context: RequestContext; readonly owns: boolean } {
  if (needsOwnConnections(job)) return { context: createContext(parent, parent.options, job), owns: true };
  const logins = new Logins(parent, job.credentials);
  return { context: { ...parent, options: limited(parent.options, job), job, logins }, owns: false };
}

/** Ends the connections of a context. */
export async function endConnections({ connections, strangers }: RequestContext): Promise<void> {
  await Promise.all([connections.destroy(), strangers === connections ? undefined : strangers.destroy()]);
}

/** What of a request bears on sharing its answer. */
export function askerOf({ job }: RequestContext, requestHeaders: RequestHeaders): Asker {
  return { method: job.method, requestHeaders, showsIdentity: showsIdentity(job) };
}

function limited(options: OriginOptions, { maxFileBytes }: OriginJobSettings): OriginOptions {
  return maxFileBytes === null ? options : { ...options, maxFileBytes: Math.min(maxFileBytes, options.maxFileBytes) };
}
