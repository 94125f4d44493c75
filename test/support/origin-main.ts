/**
 * A tiny origin as a process of its own, for the demo and the container tests. Routes:
 *   GET|HEAD /file/<size>?seed=n          a pseudo-random file; size such as 500, 64KiB, 64MiB, 1GiB; ranges, ETag, Last-Modified
 *   GET|HEAD /fault/<name>/<size>?seed=n  the same file with a fault of origin-faults.ts
 *   GET|HEAD /anchored/<size>?seed=n      the same file, and a Link to a Metalink document with the digests of its pieces
 *   GET      /metalink/<size>?seed=n      that document
 *   GET      /sha256/<size>?seed=n        {"size", "sha256"} of that file
 *   GET      /stats                       {"requests", "bytesSent"} of /file, /fault and /anchored
 *   POST     /stats/reset
 * Options: --host, --port, --rate (bytes a second for each answer, such as 10MiB), or ORIGIN_HOST, ORIGIN_PORT, ORIGIN_RATE.
 * Prints one JSON line when it is ready: {"ready":true,"host","port","url"}.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { METALINK_TYPE } from '../../src/content/metalink.ts';
import { faultNamed } from './origin-faults.ts';
import { linkTo, metalinkOf } from './origin-metalink.ts';
import type { OriginScript } from './origin-script.ts';
import { OriginServer } from './origin-server.ts';
import { PseudoRandomFile, parseSize } from './pseudo-random-file.ts';

const ROUTE = /^\/(?<kind>file|sha256|anchored|metalink|fault\/(?<fault>[a-z-]+))\/(?<size>\w+)$/;
const DIGESTS_KEPT = 100;

const digests = new Map<string, Promise<string>>();

function scriptFor(url: URL): OriginScript | null {
  const match = ROUTE.exec(url.pathname);
  const content = match === null ? null : fileFor(match, url);
  if (match === null || content === null) return null;
  const base: OriginScript = { content, etag: `"${content.size}-${encodeURIComponent(content.seed)}"` };
  const { kind, fault } = match.groups ?? {};
  if (kind === 'anchored')
    return { ...base, headers: { link: linkTo(`/metalink/${match.groups?.size}${url.search}`) } };
  return fault === undefined ? base : faultNamed(fault, base);
}

function fileFor(match: RegExpExecArray, url: URL): PseudoRandomFile | null {
  const size = parseSize(match.groups?.size ?? '');
  return size === null ? null : new PseudoRandomFile({ size, seed: url.searchParams.get('seed') ?? '0' });
}

function intercept(origin: OriginServer, request: IncomingMessage, response: ServerResponse): boolean {
  const url = new URL(request.url ?? '/', 'http://origin.test');
  if (url.pathname === '/stats') sendJson(response, origin.stats);
  else if (url.pathname === '/stats/reset' && request.method === 'POST') {
    origin.resetStats();
    sendJson(response, origin.stats);
  } else if (url.pathname.startsWith('/sha256/')) void sendDigest(url, response);
  else if (url.pathname.startsWith('/metalink/')) sendMetalink(url, response);
  else return false;
  return true;
}

async function sendDigest(url: URL, response: ServerResponse): Promise<void> {
  const match = ROUTE.exec(url.pathname);
  const file = match === null ? null : fileFor(match, url);
  if (file === null) {
    response.writeHead(404).end();
    return;
  }
  sendJson(response, { size: file.size, sha256: await digestOf(file) });
}

function sendMetalink(url: URL, response: ServerResponse): void {
  const match = ROUTE.exec(url.pathname);
  const file = match === null ? null : fileFor(match, url);
  if (file === null) response.writeHead(404).end();
  else response.writeHead(200, { 'content-type': METALINK_TYPE }).end(metalinkOf(file));
}

function digestOf(file: PseudoRandomFile): Promise<string> {
  const key = `${file.size} ${file.seed}`;
  const digest = digests.get(key) ?? file.sha256();
  if (digests.size < DIGESTS_KEPT) digests.set(key, digest);
  return digest;
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function rateOf(text: string | undefined): number | null {
  if (text === undefined || text === '') return null;
  const rate = parseSize(text);
  if (rate === null || rate === 0) throw new Error(`--rate ${text}: write bytes a second, such as 500000 or 10MiB`);
  return rate;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { host: { type: 'string' }, port: { type: 'string' }, rate: { type: 'string' } },
  });
  const host = values.host ?? process.env.ORIGIN_HOST ?? '127.0.0.1';
  const port = Number(values.port ?? process.env.ORIGIN_PORT ?? 0);
  const origin: OriginServer = await OriginServer.start({
    host,
    port,
    bytesPerSecond: rateOf(values.rate ?? process.env.ORIGIN_RATE),
    resolve: scriptFor,
    intercept: (request, response) => intercept(origin, request, response),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void origin.stop());
  process.stdout.write(`${JSON.stringify({ ready: true, host, port: origin.port, url: origin.url('') })}\n`);
}

await main();
