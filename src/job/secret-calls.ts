import type { Caller } from '../core/caller.ts';
import type { JobId } from '../core/ids.ts';
import { checkAuth, checkCredentials } from './check/credentials.ts';
import type { JobContext } from './context.ts';
import type { Desk } from './desk.ts';
import type { CallResult, JobClientCertificate, JobCredentials, JobView } from './model/view.ts';
import type { Engine } from './run/engine.ts';
import { changeSecrets, checkCertificate, checkIsOwner } from './set-properties.ts';

/** The calls about what a job shows to servers to prove who asks. A job that runs starts again with it where it is. */
export class SecretCalls {
  readonly #desk: Desk;
  readonly #engine: Engine;
  readonly #context: JobContext;

  constructor(desk: Desk, engine: Engine, context: JobContext) {
    this.#desk = desk;
    this.#engine = engine;
    this.#context = context;
  }

  /** BITS keeps one for each target and scheme; new ones replace it. */
  setCredentials(caller: Caller, id: JobId, credentials: JobCredentials): Promise<JobView> {
    return this.#desk.change(caller, id, 'set', async (job) => {
      const checked = checkCredentials(credentials);
      const isOther = differsFrom(checked.target, checked.scheme);
      changeSecrets(job, this.#context, (all) => ({
        ...all,
        credentials: [...all.credentials.filter(isOther), checked],
      }));
      await this.#engine.restart(job);
    });
  }

  async removeCredentials(caller: Caller, id: JobId, target: string, scheme: string): Promise<CallResult> {
    let removed = false;
    const view = await this.#desk.change(caller, id, 'set', async (job) => {
      const wanted = checkAuth(target, scheme);
      changeSecrets(job, this.#context, (all) => {
        const credentials = all.credentials.filter(differsFrom(wanted.target, wanted.scheme));
        removed = credentials.length < all.credentials.length;
        return { ...all, credentials };
      });
      if (removed) await this.#engine.restart(job);
    });
    return { code: removed ? 'S_OK' : 'S_FALSE', job: view };
  }

  setClientCertificate(caller: Caller, id: JobId, certificate: JobClientCertificate): Promise<JobView> {
    return this.#desk.change(caller, id, 'set', async (job) => {
      checkIsOwner(job, caller, 'client certificate');
      checkCertificate(certificate);
      changeSecrets(job, this.#context, (all) => ({ ...all, clientCertificate: certificate }));
      await this.#engine.restart(job);
    });
  }

  async removeClientCertificate(caller: Caller, id: JobId): Promise<CallResult> {
    let removed = false;
    const view = await this.#desk.change(caller, id, 'set', async (job) => {
      changeSecrets(job, this.#context, (all) => {
        removed = all.clientCertificate !== null;
        return { ...all, clientCertificate: null };
      });
      if (removed) await this.#engine.restart(job);
    });
    return { code: removed ? 'S_OK' : 'S_FALSE', job: view };
  }
}

function differsFrom(target: string, scheme: string): (one: JobCredentials) => boolean {
  return (one) => one.target !== target || one.scheme !== scheme;
}
