import { getContainerRuntimeClient } from 'testcontainers';
import { type Docker, RUN_LABEL } from './test-run.ts';

/** A network of its own: an ordinary bridge, because Docker keeps multicast from the members of an internal one. */
export class Lan implements AsyncDisposable {
  readonly name: string;
  readonly #docker: Docker;
  readonly #id: string;
  readonly #guests = new Set<string>();

  private constructor(name: string, docker: Docker, id: string) {
    this.name = name;
    this.#docker = docker;
    this.#id = id;
  }

  /** Creates the network; Docker chooses a free subnet. */
  static async create(run: string, purpose: string): Promise<Lan> {
    const docker = (await getContainerRuntimeClient()).container.dockerode;
    const name = `${run}-${purpose}`;
    const { id } = await docker.createNetwork({ Name: name, Labels: { [RUN_LABEL]: run } });
    return new Lan(name, docker, id);
  }

  /** Puts the container on this network too. */
  async connect(containerId: string): Promise<void> {
    await this.#docker.getNetwork(this.#id).connect({ Container: containerId });
    this.#guests.add(containerId);
  }

  /** Takes the container off this network, as if its cable was pulled. */
  async disconnect(containerId: string): Promise<void> {
    await this.#docker.getNetwork(this.#id).disconnect({ Container: containerId, Force: true });
    this.#guests.delete(containerId);
  }

  /** Removes the network; the containers that were started on it must be gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const guest of this.#guests) await this.disconnect(guest);
    await this.#docker.getNetwork(this.#id).remove();
  }
}
