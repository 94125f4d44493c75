import { type ContainerRuntimeClient, getContainerRuntimeClient } from 'testcontainers';
import type { TestProject } from 'vitest/node';
import { buildImages, type Images } from './images.ts';
import { removeDeadRuns, removeRun, runName } from './test-run.ts';

/** What the test files get: the images of this run, or why there are none. */
export type ContainerLab =
  | { readonly run: string; readonly images: Images; readonly missing: null }
  | { readonly missing: string };

declare module 'vitest' {
  interface ProvidedContext {
    containerLab: ContainerLab;
  }
}

/**
 * Once for all container tests: finds the engine, removes what dead runs left, builds the images, and afterwards removes
 * everything. Without an engine the tests are left out and the reason is printed; with NEARBITS_REQUIRE_DOCKER=1, as in
 * CI, that is a failure.
 */
export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  const engine = await findEngine();
  if (typeof engine === 'string') {
    if (process.env.NEARBITS_REQUIRE_DOCKER === '1') throw new Error(engine);
    process.stderr.write(`\ncontainer tests are left out: ${engine}\n\n`);
    project.provide('containerLab', { missing: engine });
    return undefined;
  }
  const docker = engine.container.dockerode;
  const run = runName();
  await removeDeadRuns(docker);
  const tearDown = () => removeRun(docker, run);
  try {
    project.provide('containerLab', { run, images: await buildImages(run), missing: null });
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}

async function findEngine(): Promise<ContainerRuntimeClient | string> {
  try {
    const client = await getContainerRuntimeClient();
    return (await hasBaseImage(client)) ? client : `${BASE_IMAGE} is not there and cannot be pulled: run .ci/docker.sh`;
  } catch (error) {
    return `no container engine answers (${(error as Error).message}): start Docker, or run .ci/docker.sh as root`;
  }
}

const BASE_IMAGE = 'node:24-bookworm-slim';

async function hasBaseImage({ container: { dockerode } }: ContainerRuntimeClient): Promise<boolean> {
  const isThere = () =>
    dockerode
      .getImage(BASE_IMAGE)
      .inspect()
      .then(
        () => true,
        () => false,
      );
  if (await isThere()) return true;
  try {
    const stream = await dockerode.pull(BASE_IMAGE);
    await new Promise((done) => dockerode.modem.followProgress(stream, done));
  } catch {
    // No registry: the answer below tells.
  }
  return isThere();
}
