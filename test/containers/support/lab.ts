import { describe, inject } from 'vitest';
import { AuthorityMachine } from './authority-machine.ts';
import { Lan } from './lan.ts';
import { NginxMachine } from './nginx-machine.ts';
import { NodeMachine, type NodeOptions } from './node-machine.ts';
import { OriginMachine } from './origin-machine.ts';
import { RUN_LABEL } from './test-run.ts';
import { TunedContainer } from './tuned-container.ts';

const provided = inject('containerLab');

/** A suite that needs containers; left out where no engine answers. */
export const describeInContainers = describe.skipIf(provided.missing !== null);

/** Where a node stands and what it is told; by default on the lab's network, in the lab's domain. */
export interface LabNodeOptions extends NodeOptions {
  readonly lan?: Lan;
}

/** In place of a token: the node joins no domain. */
export const NO_DOMAIN = '';

/** A network with an origin, and a domain for the nodes that tests put on it. Everything is removed with it. */
export class Lab implements AsyncDisposable {
  readonly lan: Lan;
  readonly origin: OriginMachine;
  readonly token: string;
  readonly #purpose: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(purpose: string, lan: Lan, origin: OriginMachine, token: string, stack: AsyncDisposableStack) {
    this.#purpose = purpose;
    this.lan = lan;
    this.origin = origin;
    this.token = token;
    this.#stack = stack;
  }

  /** Builds a lab; `purpose` keeps the names of different labs apart. */
  static async open(purpose: string): Promise<Lab> {
    await using stack = new AsyncDisposableStack();
    const lan = stack.use(await Lan.create(lab().run, purpose));
    const authority = AuthorityMachine.create(container(lab().images.node, lan, `${purpose}-authority`));
    const origin = OriginMachine.create(container(lab().images.origin, lan, `${purpose}-origin`));
    stack.use(await origin);
    const token = await stack.use(await authority).invite();
    return new Lab(purpose, lan, await origin, token, stack.move());
  }

  /** A further network. */
  async otherLan(): Promise<Lan> {
    return this.#stack.use(await Lan.create(lab().run, `${this.#purpose}-other`));
  }

  /** A token of another domain. */
  async foreignToken(): Promise<string> {
    await using authority = await AuthorityMachine.create(
      container(lab().images.node, this.lan, `${this.#purpose}-foreign-authority`),
    );
    return await authority.invite();
  }

  /** A second origin, behind a link that carries no more than `rate` to all machines together, as in `100mbit`. */
  async slowOrigin(rate: string): Promise<OriginMachine> {
    const behindLink = container(lab().images.slowOrigin, this.lan, `${this.#purpose}-slow-origin`);
    return this.#stack.use(await OriginMachine.createSlow(behindLink, rate));
  }

  /** An nginx on the lab's network. */
  async nginx(): Promise<NginxMachine> {
    const started = NginxMachine.create(container(lab().images.nginx, this.lan, `${this.#purpose}-nginx`));
    return this.#stack.use(await started);
  }

  /** Starts a node. */
  node(name: string, { lan = this.lan, ...options }: LabNodeOptions = {}): Promise<NodeMachine> {
    return NodeMachine.create(container(lab().images.node, lan, `${this.#purpose}-${name}`), {
      token: this.token,
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function lab() {
  if (provided.missing !== null) throw new Error(provided.missing);
  return provided;
}

function container(image: string, lan: Lan, name: string): TunedContainer {
  const { run } = lab();
  // Not withNetworkAliases: it would put the container on Docker's default network too, where all labs meet.
  return new TunedContainer(image)
    .withNetworkMode(lan.name)
    .withName(`${run}-${name}`)
    .withLabels({ [RUN_LABEL]: run });
}
