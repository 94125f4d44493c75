import type { ContainerRuntimeClient } from 'testcontainers';

/** The engine's API. */
export type Docker = ContainerRuntimeClient['container']['dockerode'];

/** Label on all that a test run makes; the value names the run. */
export const RUN_LABEL = 'org.nearbits.test-run';

/** Compose puts this label on its own things; its projects are named like the run. */
const PROJECT_LABEL = 'com.docker.compose.project';
const RUN_NAME = /^nearbits-test-(\d+)$/;

/** The name of this process's test run. */
export function runName(): string {
  return `nearbits-test-${process.pid}`;
}

/** Removes all that a run made: containers, networks, volumes, images. */
export async function removeRun(docker: Docker, run: string): Promise<void> {
  for (const label of [RUN_LABEL, PROJECT_LABEL]) {
    const filters = { label: [`${label}=${run}`] };
    const containers = await docker.listContainers({ all: true, filters });
    await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })));
    const networks = await docker.listNetworks({ filters });
    await Promise.all(networks.map(({ Id }) => docker.getNetwork(Id).remove()));
    const { Volumes: volumes } = await docker.listVolumes({ filters });
    await Promise.all(volumes.map(({ Name }) => docker.getVolume(Name).remove()));
    const images = await docker.listImages({ filters });
    await Promise.all(images.map(({ Id }) => docker.getImage(Id).remove({ force: true })));
  }
}

/** Removes what runs left whose process was ended before it could clean up. */
export async function removeDeadRuns(docker: Docker): Promise<void> {
  const containers = await docker.listContainers({ all: true });
  const networks = await docker.listNetworks();
  const images = await docker.listImages();
  const labels = [...containers, ...networks, ...images].map((thing) => thing.Labels ?? {});
  const names = new Set(labels.flatMap((found) => [found[RUN_LABEL], found[PROJECT_LABEL]]));
  for (const name of names) {
    const pid = Number(RUN_NAME.exec(name ?? '')?.[1]);
    if (name !== undefined && pid > 0 && !isAlive(pid)) await removeRun(docker, name);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
