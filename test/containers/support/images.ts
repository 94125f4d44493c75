import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RUN_LABEL } from './test-run.ts';

/** What docker-compose.yml and the tests run. */
export interface Images {
  readonly node: string;
  readonly origin: string;
  /** The same origin behind a slow link. */
  readonly slowOrigin: string;
  /** An origin that is not ours. */
  readonly nginx: string;
}

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
const folder = (name: string) => join(import.meta.dirname, '..', name);
const SHOWN_CHARACTERS = 4_000;

/** Builds the images from the work tree. @throws Error with the end of the build's output. */
export async function buildImages(name: string): Promise<Images> {
  const images = {
    node: `nearbits:${name}`,
    origin: `nearbits-origin:${name}`,
    slowOrigin: `nearbits-slow-origin:${name}`,
    nginx: `nearbits-nginx:${name}`,
  };
  await build(name, '--tag', images.origin, '--target', 'origin', ROOT);
  await build(name, '--tag', images.node, ROOT);
  const fromOrigin = ['--build-arg', `ORIGIN=${images.origin}`];
  await build(name, '--tag', images.slowOrigin, ...fromOrigin, folder('slow-origin'));
  await build(name, '--tag', images.nginx, folder('nginx'));
  return images;
}

// By the command rather than the engine's API: it obeys .dockerignore and uses whichever builder there is.
async function build(name: string, ...options: string[]): Promise<void> {
  try {
    await run('docker', ['build', '--label', `${RUN_LABEL}=${name}`, ...options], { maxBuffer: 2 ** 26 });
  } catch (error) {
    const { message, stdout = '' } = error as Error & { stdout?: string };
    throw new Error(`${message}\n${stdout.slice(-SHOWN_CHARACTERS)}`);
  }
}
