import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';
import { OriginClient } from '../origin/origin-client.ts';

type OriginConfig = Config['origin'];

interface OriginsDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** The client for origins, made anew when its configuration changes; requests under way end on the old one. */
export class Origins {
  readonly #deps: OriginsDeps;
  readonly #old: OriginClient[] = [];
  #client: OriginClient;

  private constructor(deps: OriginsDeps, client: OriginClient) {
    this.#deps = deps;
    this.#client = client;
  }

  /** @throws NearbitsError E_CONFIG when a file of certificates or the proxy cannot be used. */
  static async open(deps: OriginsDeps, config: OriginConfig): Promise<Origins> {
    return new Origins(deps, await createClient(deps, config));
  }

  get current(): OriginClient {
    return this.#client;
  }

  /** Uses a changed configuration from the next request on. @throws NearbitsError E_CONFIG; the old one stays. */
  async replace(config: OriginConfig): Promise<void> {
    const client = await createClient(this.#deps, config);
    this.#old.push(this.#client);
    this.#client = client;
  }

  async close(): Promise<void> {
    await Promise.all([this.#client, ...this.#old].map((client) => client.close()));
  }
}

async function createClient(
  deps: OriginsDeps,
  { caFile, crlFile, retries: _, ...options }: OriginConfig,
): Promise<OriginClient> {
  const extraCaPem = caFile === null ? null : await readPem('origin.caFile', caFile);
  const crlPem = crlFile === null ? null : await readPem('origin.crlFile', crlFile);
  return new OriginClient(deps, { ...options, extraCaPem, crlPem });
}

async function readPem(key: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new NearbitsError('E_CONFIG', `${key} cannot be read: ${path}`, { cause });
  }
}
