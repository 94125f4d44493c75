import { join } from 'node:path';
import { type Docker, RUN_LABEL } from './test-run.ts';

/** What docker-compose.yml and the tests run. */
export interface Images {
  readonly node: string;
  readonly origin: string;
}

const ROOT = join(import.meta.dirname, '../../..');
/** All that the Dockerfile copies; .dockerignore names the same for people. */
const CONTEXT = [
  'Dockerfile',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  '.ci/build.mjs',
  'bin',
  'src',
  'test/support',
];

/** Builds both images from the work tree. @throws Error with the end of the build's output. */
export async function buildImages(docker: Docker, run: string): Promise<Images> {
  const images = { node: `nearbits:${run}`, origin: `nearbits-origin:${run}` };
  await build(docker, run, images.origin, 'origin');
  await build(docker, run, images.node, undefined);
  return images;
}

async function build(docker: Docker, run: string, tag: string, target: string | undefined): Promise<void> {
  const labels = { [RUN_LABEL]: run };
  const options = { t: tag, labels, rm: true, forcerm: true, ...(target === undefined ? {} : { target }) };
  const stream = await docker.buildImage({ context: ROOT, src: CONTEXT }, options);
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error) => (error ? reject(new Error(`${tag}: ${error.message}\n${lines.slice(-40).join('')}`)) : resolve()),
      (event) => lines.push(String(event.stream ?? '')),
    );
  });
}
