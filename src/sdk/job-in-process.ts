import { jobOf } from '../api/access.ts';
import type { NodeBackend } from '../api/backend.ts';
import { EventQueue } from '../api/event-queue.ts';
import { readArgument, readJobRequest, readPropertiesChange } from '../api/job-input.ts';
import {
  JobFilesRequest,
  PositionRequest,
  RangesRequest,
  RemoteNameRequest,
  RemotePrefixRequest,
} from '../api/job-views.ts';
import type { Caller } from '../core/caller.ts';
import { NearbitsError } from '../core/errors.ts';
import { parseJobId } from '../core/ids.ts';
import { isSettled } from '../job/model/settled.ts';
import { JobClientCertificate, JobCredentials } from '../job/model/view.ts';
import type { NodeEvent } from '../observe/events.ts';
import type { JobCalls } from './job-calls.ts';

const PAGE = 500;

/** The job service of this process, with the checks that the local API does. */
export function jobsInProcess(backend: NodeBackend, caller: Caller): JobCalls {
  const { jobs } = backend;
  return {
    create: async (request) => await jobs.create(caller, readJobRequest(request)),
    async page({ allUsers = false, ended = false, name }, after) {
      const start = after === null ? null : parseJobId(after);
      const page = await jobs.list(caller, { allUsers, ended, name: name ?? null, after: start, limit: PAGE });
      return { jobs: [...page.jobs], next: page.next };
    },
    get: async (id) => await jobs.get(caller, parseJobId(id)),
    settled: async (id, signal) =>
      await stoppable(signal, jobs.settled(caller, parseJobId(id), isSettled, signal ?? never())),
    set: async (id, change) => await jobs.set(caller, parseJobId(id), readPropertiesChange(change)),
    resume: async (id) => await jobs.resume(caller, parseJobId(id)),
    suspend: async (id) => await jobs.suspend(caller, parseJobId(id)),
    takeOwnership: async (id) => await jobs.takeOwnership(caller, parseJobId(id)),
    complete: async (id) => await jobs.complete(caller, parseJobId(id)),
    cancel: async (id) => await jobs.cancel(caller, parseJobId(id)),
    reset: async (allUsers) => [...(await jobs.reset(caller, allUsers))],
    error: async (id) => await jobs.error(caller, parseJobId(id)),
    trace: async (id) => [...(await jobs.trace(caller, parseJobId(id)))],
    files: async (id) => [...(await jobs.files(caller, parseJobId(id)))],
    async file(id, index) {
      const file = (await jobs.files(caller, parseJobId(id)))[index];
      if (file === undefined) throw new NearbitsError('E_INVALIDARG', `the job has no file ${index}`);
      return file;
    },
    addFiles: async (id, files) =>
      await jobs.addFiles(caller, parseJobId(id), readArgument(JobFilesRequest, { files }).files),
    setRemoteName: async (id, file, url) =>
      await jobs.setRemoteName(caller, parseJobId(id), file, readArgument(RemoteNameRequest, { url }).url),
    async replaceRemotePrefix(id, from, to) {
      const prefix = readArgument(RemotePrefixRequest, { from, to });
      return await jobs.replaceRemotePrefix(caller, parseJobId(id), prefix.from, prefix.to);
    },
    setValidationState: async (id, file, valid) => await jobs.setValidationState(caller, parseJobId(id), file, valid),
    requestRanges: async (id, file, ranges) =>
      await jobs.requestRanges(caller, parseJobId(id), file, readArgument(RangesRequest, { ranges }).ranges),
    filledRanges: async (id, file) => [...(await jobs.filledRanges(caller, parseJobId(id), file))],
    updateDownloadPosition: async (id, file, offset) =>
      await jobs.updateDownloadPosition(caller, parseJobId(id), file, readArgument(PositionRequest, { offset }).offset),
    setCredentials: async (id, credentials) =>
      await jobs.setCredentials(caller, parseJobId(id), readArgument(JobCredentials, credentials)),
    removeCredentials: async (id, target, scheme) =>
      await jobs.removeCredentials(caller, parseJobId(id), target, scheme),
    setClientCertificate: async (id, certificate) =>
      await jobs.setClientCertificate(caller, parseJobId(id), readArgument(JobClientCertificate, certificate)),
    removeClientCertificate: async (id) => await jobs.removeClientCertificate(caller, parseJobId(id)),
    events: async (id, signal) => eventsOf(backend, parseJobId(id), signal),
    async notifications(job, signal) {
      const id = job === null ? null : parseJobId(job);
      if (id !== null) await jobs.get(caller, id);
      return stoppableEach(signal, jobs.notifications(caller, id, signal));
    },
    acknowledge: (notification) => jobs.acknowledge(caller, notification),
  };
}

/** Events of one job from now on, until the signal aborts or the loop over them ends. */
function eventsOf(backend: NodeBackend, id: string, signal: AbortSignal): AsyncIterable<NodeEvent> {
  const queue = new EventQueue();
  const unsubscribe = backend.subscribe((event) => {
    if (jobOf(event) === id) queue.push(event);
  });
  const end = (): void => {
    unsubscribe();
    queue.end();
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  return queue;
}

function never(): AbortSignal {
  return new AbortController().signal;
}

async function stoppable<T>(signal: AbortSignal | undefined, waiting: Promise<T>): Promise<T> {
  try {
    return await waiting;
  } catch (error) {
    throw signal?.aborted === true ? stopped(error) : error;
  }
}

async function* stoppableEach<T>(signal: AbortSignal, items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw signal.aborted ? stopped(error) : error;
  }
}

function stopped(cause: unknown): NearbitsError {
  return new NearbitsError('E_CANCELLED', 'the waiting was stopped', { cause });
}
