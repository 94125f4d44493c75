import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Images } from './images.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');

/** The command that is there: compose v2, or docker-compose 1.29; null when there is neither. */
export async function findCompose(): Promise<readonly string[] | null> {
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    const [program = '', ...args] = command;
    try {
      await run(program, [...args, 'version']);
      return command;
    } catch {
      // The next one may be there.
    }
  }
  return null;
}

/** docker-compose.yml, brought up under a name and on subnets of its own. */
export class ComposeProject implements AsyncDisposable {
  readonly #command: readonly string[];
  readonly #env: NodeJS.ProcessEnv;

  private constructor(command: readonly string[], env: NodeJS.ProcessEnv) {
    this.#command = command;
    this.#env = env;
  }

  /** Brings everything up; resolves when all containers are started. */
  static async up(command: readonly string[], name: string, images: Images): Promise<ComposeProject> {
    const project = new ComposeProject(command, {
      ...process.env,
      COMPOSE_PROJECT_NAME: name,
      NEARBITS_IMAGE: images.node,
      NEARBITS_ORIGIN_IMAGE: images.origin,
      LAN_SUBNET: '10.83.201.0/24',
      OTHER_LAN_SUBNET: '10.83.202.0/24',
    });
    await project.#run('up', '-d', '--no-build');
    return project;
  }

  /** Runs a program in the container of a service and returns its output. @throws Error when it fails. */
  exec(service: string, ...command: string[]): Promise<string> {
    return this.#run('exec', '-T', service, ...command);
  }

  /** Removes containers, networks and volumes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run('down', '-v', '-t', '2');
  }

  async #run(...args: string[]): Promise<string> {
    const [program = '', ...first] = this.#command;
    const { stdout } = await run(program, [...first, ...args], { cwd: ROOT, env: this.#env });
    return stdout;
  }
}
