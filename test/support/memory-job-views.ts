import { type BitsCode, bitsFacts, printHresult } from '../../src/core/bits-codes.ts';
import type { JobId } from '../../src/core/ids.ts';
import type { JobProperties } from '../../src/job/model/properties.ts';
import type { JobErrorView, JobFileRequest, JobFileView, JobType, JobView } from '../../src/job/model/view.ts';

/** A job that was just made. */
export function newJobView(id: JobId, owner: string, type: JobType, properties: JobProperties): JobView {
  return {
    id,
    type,
    state: 'SUSPENDED',
    owner,
    createdMs: 1,
    modifiedMs: 1,
    transferredMs: null,
    endedMs: null,
    files: { total: 0, transferred: 0 },
    bytes: { total: null, transferred: 0, fromPeers: 0, fromOrigin: 0, fromCache: 0 },
    errorCount: 0,
    error: null,
    retryAtMs: null,
    properties: shown(properties),
    credentials: [],
    clientCertificate: null,
  };
}

/** A file that was just added. */
export function newFileView(index: number, { remoteUrl, localName, overwrite, ...file }: JobFileRequest): JobFileView {
  return {
    index,
    remoteUrl,
    localName,
    temporaryName: null,
    ranges: file.ranges ?? null,
    sha256: file.sha256 ?? null,
    metalink: file.metalink === undefined ? null : { url: 'url' in file.metalink ? file.metalink.url : null },
    overwrite,
    bytesTotal: null,
    bytesTransferred: 0,
    bytesFromPeers: 0,
    bytesFromOrigin: 0,
    bytesFromCache: 0,
    transferred: false,
    completed: false,
    validation: 'unknown',
    version: null,
    responseHeaders: null,
    sharing: 'pending',
    sharingReason: null,
  };
}

/** Properties without what is write-only. */
export function shown(properties: JobProperties): JobView['properties'] {
  const { webhook, customHeadersWriteOnly, customHeaders } = properties;
  const visible = webhook === null ? null : { url: webhook.url };
  return { ...properties, webhook: visible, customHeaders: customHeadersWriteOnly ? null : customHeaders };
}

/** An error of the first file that ends a job. */
export function fatalError(code: BitsCode): JobErrorView {
  const { hresult, context } = bitsFacts(code);
  return {
    code,
    hresult: printHresult(hresult),
    kind: 'fatal',
    context,
    message: 'the origin has no such file',
    hint: 'look at the URL',
    file: 0,
    protocol: 'http',
    cause: 'E_ORIGIN_STATUS',
    details: { status: 404 },
    atMs: 2,
  };
}
