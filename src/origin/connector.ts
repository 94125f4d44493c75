import type { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { judgeCertificate } from './certificate-check.ts';
import { certificateFailure } from './certificate-codes.ts';
import { defaultJobSettings, type OriginJobSettings } from './job-settings.ts';
import type { OriginOptions } from './options.ts';
import { createTrust, type Trust } from './trust.ts';

/** Opens connections for undici. */
export type Connector = buildConnector.connector;

/** Bytes that may wait in one connection while a sink holds back, beside what the kernel keeps. */
const SOCKET_BUFFER_BYTES = 256 * 1024;

/**
 * A connector to origins that shows the job's client certificate (when `identify`) and judges the server's as the job wants.
 * @throws NearbitsError as {@link createTrust}.
 */
export function originConnector(options: OriginOptions, settings: OriginJobSettings, identify: boolean): Connector {
  const trust = createTrust(options, settings, identify);
  const { checkRevocation, ...overlooked } = settings.tls;
  const lenient = Object.values(overlooked).includes(true);
  const connector = lenient ? lenientConnector(options, settings, trust) : strictConnector(options, trust);
  return keepingReason(checkRevocation && options.crlPem === null ? refusingTls(connector) : connector);
}

/** A connector to proxies: what a job overlooks in origins does not hold for them, nor are they shown its certificate. */
export function proxyConnector(options: OriginOptions, timeoutMs: number): Connector {
  const trust = createTrust(options, defaultJobSettings, false);
  return strictConnector({ ...options, connectTimeoutMs: timeoutMs }, trust);
}

function strictConnector(options: OriginOptions, trust: Trust): Connector {
  return buildConnector(socketOptions(options, trust));
}

function lenientConnector(options: OriginOptions, settings: OriginJobSettings, trust: Trust): Connector {
  const connect = buildConnector({
    ...socketOptions(options, trust),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    // A resumed session has forgotten the chain, which is judged anew for each connection.
    maxCachedSessions: 0,
  });
  return (target, callback) => {
    connect(target, (error, socket) => {
      if (error !== null) return callback(error, null);
      if (target.protocol !== 'https:') return callback(null, socket);
      const host = target.servername || target.hostname;
      const fault = judgeCertificate(socket as TLSSocket, { tls: settings.tls, host, anchors: trust.anchors });
      if (fault === null) return callback(null, socket);
      socket.destroy();
      callback(certificateFailure(fault), null);
    });
  };
}

// Revocation cannot be checked without a list, and a check that is asked for must not pass for that.
function refusingTls(connect: Connector): Connector {
  return (target, callback) => {
    if (target.protocol === 'https:') callback(certificateFailure('UNABLE_TO_GET_CRL'), null);
    else connect(target, callback);
  };
}

// A TLS alert after the handshake, such as the wish for a certificate, is followed by an orderly end, which undici would
// take for the reason. Nothing useful can come after such an error.
function keepingReason(connect: Connector): Connector {
  return (target, callback) => {
    connect(target, (error, socket) => {
      if (error !== null) return callback(error, null);
      socket.once('error', () => socket.destroy());
      callback(null, socket);
    });
  };
}

function socketOptions(options: OriginOptions, trust: Trust): buildConnector.BuildOptions {
  const socket = {
    allowH2: false,
    timeout: options.connectTimeoutMs,
    // Node reads 64 KiB at a time and stops the socket whenever this much waits: with its default, after every read.
    highWaterMark: SOCKET_BUFFER_BYTES,
    ...(trust.context === null ? {} : { secureContext: trust.context }),
  };
  return socket;
}
