import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../observe/log.ts';
import { checkJobSettings, defaultJobSettings, type OriginJobSettings } from './job-settings.ts';
import { defaultOriginOptions, type OriginOptions } from './options.ts';
import { OriginSession } from './origin-session.ts';
import { createContext, deriveContext, endConnections, type RequestContext } from './request-context.ts';

export type { OriginFile } from './origin-file.ts';

/** The session of the node itself, with default settings; it makes those of jobs. */
export class OriginClient extends OriginSession {
  readonly #context: RequestContext;

  /**
   * Opens no connection yet. `newNonce` makes client nonces for the Digest scheme; random ones unless told otherwise.
   * @throws NearbitsError E_CONFIG when the proxy, chosen or from the environment, is no URL.
   */
  constructor(
    deps: { readonly clock: Clock; readonly log: Logger; readonly newNonce?: () => string },
    options: Partial<OriginOptions> = {},
  ) {
    const all = { ...defaultOriginOptions, ...options };
    const { clock, log, newNonce = () => randomBytes(16).toString('hex') } = deps;
    const context = createContext({ clock, log, newNonce }, all, defaultJobSettings);
    super(context, () => endConnections(context));
    this.#context = context;
  }

  /**
   * A session with the settings of a job, which remembers its logins. It uses the connections of this client unless proxy,
   * client certificate, proxy credentials or TLS flags differ; `close()` ends only those of its own. Costs next to nothing
   * for a job that sets nothing.
   * @throws NearbitsError BG_E_INVALID_PROXY_INFO, BG_E_INVALID_CREDENTIALS, E_INVALIDARG or E_INVALID_ARGUMENT when a
   * setting cannot be used, E_CONFIG when the CRL of the node cannot.
   */
  forJob(settings: OriginJobSettings): OriginSession {
    const { context, owns } = deriveContext(this.#context, checkJobSettings(settings));
    return new OriginSession(context, async () => {
      if (owns) await endConnections(context);
    });
  }
}
