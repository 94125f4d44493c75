import { type BitsCode, isBitsCode, isTransientStatus } from '../../core/bits-codes.ts';
import type { ErrorCode } from '../../core/errors.ts';

const KEPT = 'what was fetched is kept';

/**
 * The next step after each error that a job can have. Whether and when the job is tried again by itself is not said
 * here: the job tells it, and it depends on its no-progress timeout.
 */
const HINTS: Partial<Record<BitsCode, string>> = {
  BG_E_DESTINATION_LOCKED: 'Close the program that uses the destination.',
  BG_E_VOLUME_CHANGED: 'Put the old disk back and resume the job, or cancel it and create one for the new disk.',
  BG_E_NETWORK_DISCONNECTED: `Connect this machine to a network; ${KEPT}.`,
  BG_E_MISSING_FILE_SIZE: 'Set dynamicContent when the file changes each time, or let the origin send Content-Length.',
  BG_E_INSUFFICIENT_HTTP_SUPPORT: 'Fetch the file from an origin that speaks HTTP/1.1.',
  BG_E_INSUFFICIENT_RANGE_SUPPORT:
    'Fetch the whole file instead of ranges, or use an origin, and a proxy, that serve them.',
  BG_E_INVALID_SERVER_RESPONSE: 'Look at what the URL answers; a proxy or a login page may answer in its place.',
  BG_E_TOO_LARGE: 'Raise the largest size that the node accepts, or take another file.',
  BG_E_NO_PROGRESS: `Mend what the last error told and resume the job; ${KEPT}.`,
  BG_E_FILE_NOT_FOUND: 'Create the folder of the destination and resume the job.',
  BG_E_INVALID_RANGE: 'Compare the ranges with the size of the file and add it again with ranges that lie inside.',
  BG_E_CONNECT_FAILURE: 'Check the host, the port, the firewall and the proxy.',
  BG_E_CONNECTION_CLOSED: `Check the network and the origin when this happens again; ${KEPT}.`,
  BG_E_BLOCKED_BY_POLICY: 'Wait until the policy leaves bandwidth, or make it a foreground job, which is not limited.',
  BG_E_BLOCKED_BY_COST_TRANSFER_POLICY: 'Change to a network of another cost, or set costFlags to allow this one.',
  BG_E_INVALID_PROXY_INFO: 'Correct the proxy settings of the job and resume it.',
  BG_E_VALIDATION_FAILED: 'Resume the job to fetch the file again; when it stays wrong, check the expected digest.',
  BG_E_MAXDOWNLOAD_TIMEOUT: `Resume the job for another such time, or set a longer one; ${KEPT}.`,
  BG_E_MAX_DOWNLOAD_SIZE_LIMIT_REACHED: 'Create the job again with a larger maxDownloadSize.',
  BG_E_UNSUPPORTED_JOB_CONFIGURATION: 'Change the properties that the message names and resume the job.',
  BG_E_REMOTE_FILE_CHANGED: 'Resume the job when the file at the origin is no longer replaced.',
  E_ACCESSDENIED: 'Give the node the right to write there and resume the job, or choose another destination.',
  ERROR_DISK_FULL: `Free some space; ${KEPT}.`,
  WININET_E_NAME_NOT_RESOLVED: 'Check the host name and the DNS.',
  ERROR_WINHTTP_SECURE_FAILURE: 'Check the clock and the trusted certificates of this machine, or the security flags.',
  ERROR_WINHTTP_TIMEOUT: `Check whether the origin is overloaded when this happens again; ${KEPT}.`,
  ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED: 'Give the job a client certificate and resume it.',
  BG_E_HTTP_ERROR_401: 'Give the job credentials for SERVER and resume it.',
  BG_E_HTTP_ERROR_403: 'Check the permission, or set a fresh link as the remote name, and resume the job.',
  BG_E_HTTP_ERROR_404: 'Correct the URL with a new remote name and resume the job.',
  BG_E_HTTP_ERROR_407: 'Give the job credentials for PROXY and resume it.',
};

/** One sentence with the next step for a person, or null when nothing can be done but to look at the message. */
export function hintFor(code: ErrorCode): string | null {
  if (!isBitsCode(code)) return null;
  const hint = HINTS[code];
  if (hint !== undefined) return hint;
  const status = /^BG_E_HTTP_ERROR_(\d+)$/.exec(code)?.[1];
  if (status === undefined) return null;
  return isTransientStatus(Number(status))
    ? 'Try later: the origin is overloaded or failing.'
    : 'Correct what the origin refuses, such as the URL or the headers, and resume the job.';
}
