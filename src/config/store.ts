import { unwatchFile, watchFile } from 'node:fs';
import { toNearbitsError } from '../core/errors.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { Config } from './config.ts';
import { type ConfigReport, changedKeys, combineLayers, type Effective } from './effective.ts';
import { type ConfigLayer, layerFromTree } from './layer.ts';
import { configError } from './problem.ts';
import { readConfigFile } from './read-file.ts';
import type { ConfigInput } from './schema.ts';

/** Where configuration comes from. */
export interface ConfigSources {
  readonly configFile: string;
  readonly policyFile: string;
  /** Preferences of an embedding program: they win over the file and lose to the policy. */
  readonly program?: ConfigInput | undefined;
}

/** How often the files are looked at. Looking works where notifications do not: missing files, mounted volumes, renamed-over files. */
export const WATCH_INTERVAL_MS = 1000;

/** Is told the new configuration and the full names of the keys that changed. */
export type ConfigListener = (config: Config, changed: readonly string[]) => void;

/** Reads all sources once, whatever is wrong with them. */
export async function readEffective(sources: ConfigSources): Promise<Effective> {
  const [file, policy] = await Promise.all([readConfigFile(sources.configFile), readConfigFile(sources.policyFile)]);
  const program: ConfigLayer | null =
    sources.program === undefined ? null : layerFromTree(withoutUndefined(sources.program), 'program');
  return combineLayers({ file, program, policy });
}

/**
 * Holds the effective configuration and keeps it up to date. A bad new one is refused as a whole: the old one stays,
 * and a `config.rejected` event says why.
 */
export class ConfigStore {
  readonly #deps: { readonly log: Logger; readonly emit: EmitEvent };
  readonly #sources: ConfigSources;
  readonly #listeners = new Set<ConfigListener>();
  #effective: Effective;
  #watching = false;
  #reloading: Promise<unknown> = Promise.resolve();

  private constructor(deps: { log: Logger; emit: EmitEvent }, sources: ConfigSources, effective: Effective) {
    this.#deps = deps;
    this.#sources = sources;
    this.#effective = effective;
  }

  /** @throws NearbitsError E_CONFIG with every problem of every file. */
  static async open(deps: { log: Logger; emit: EmitEvent }, sources: ConfigSources): Promise<ConfigStore> {
    const effective = await readEffective(sources);
    if (effective.problems.length > 0) throw configError(effective.problems);
    return new ConfigStore(deps, sources, effective);
  }

  /** The configuration in force; a frozen object, replaced as a whole when something changes. */
  get current(): Config {
    return this.#effective.config;
  }

  /** Every key with its value and who set it. */
  get report(): ConfigReport {
    return this.#effective.report;
  }

  /** Calls `listener` after each change; the returned function ends it. */
  subscribe(listener: ConfigListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Reads the files again and applies them; returns the keys that changed. Calls queue up behind each other.
   * @throws NearbitsError E_CONFIG when they are not acceptable; the old configuration stays in force.
   */
  async reload(): Promise<readonly string[]> {
    const turn = this.#reloading.then(() => this.#readAgain());
    this.#reloading = turn.catch(() => {}); // whoever asked gets the error; the next in the queue must not
    return await turn;
  }

  /** Looks at both files every `intervalMs` and reloads when one changed; never keeps the process alive. */
  watch(intervalMs: number = WATCH_INTERVAL_MS): void {
    if (this.#watching) return;
    this.#watching = true;
    for (const file of this.#files()) {
      watchFile(file, { interval: intervalMs, persistent: false }, this.#onFileChange);
    }
  }

  /** Stops looking at the files. */
  close(): void {
    this.#listeners.clear();
    for (const file of this.#files()) unwatchFile(file, this.#onFileChange);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #files(): string[] {
    return [this.#sources.configFile, this.#sources.policyFile];
  }

  readonly #onFileChange = (): void => {
    this.reload().catch((error: unknown) => {
      this.#deps.log.warn({ err: toNearbitsError(error) }, 'the changed configuration was refused; the old one stays');
    });
  };

  async #readAgain(): Promise<readonly string[]> {
    const next = await readEffective(this.#sources);
    if (next.problems.length > 0) {
      const error = configError(next.problems);
      this.#deps.emit({ type: 'config.rejected', message: error.message });
      throw error;
    }
    const changed = changedKeys(this.#effective, next);
    this.#effective = next;
    if (changed.length === 0) return changed;
    this.#deps.emit({ type: 'config.changed', keys: changed });
    for (const listener of [...this.#listeners]) listener(next.config, changed);
    return changed;
  }
}

/** Programs write `undefined` for "not set"; the schema would take it for a value in a section. */
function withoutUndefined(input: ConfigInput): unknown {
  return JSON.parse(JSON.stringify(input));
}
