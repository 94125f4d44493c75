import { type GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { Machine } from './machine.ts';

/** A machine that holds the key of a domain and runs no node. */
export class AuthorityMachine extends Machine {
  /** Creates the domain. */
  static async create(container: GenericContainer): Promise<AuthorityMachine> {
    const prepared = container
      .withEntrypoint(['/bin/sh', '-euc', 'nearbits domain create office; echo created; exec sleep infinity'])
      .withWaitStrategy(Wait.forLogMessage('created'));
    return new AuthorityMachine(await Machine.start(prepared));
  }

  private constructor(container: StartedTestContainer) {
    super(container);
  }

  /** A join token. */
  async invite(): Promise<string> {
    return (await this.run('nearbits', 'domain', 'invite')).trim();
  }
}
