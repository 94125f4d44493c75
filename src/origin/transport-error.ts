import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import { isCertificateCode, refusesClientCertificate, wantsClientCertificate } from './certificate-codes.ts';
import { describeUrl, type OriginErrorCode, originError, timeoutError } from './failure.ts';

/** How far a request was when its connection failed. */
export type Phase = 'connecting' | 'waiting' | 'body';

/**
 * Turns what undici, the system or TLS threw into one of our codes. A connection lost before the headers
 * means "unreachable", afterwards "truncated"; both may succeed when asked again. `details.reason` is the code
 * underneath, and `details.certificate` is true when a certificate was refused.
 */
export function transportError(url: string, phase: Phase, error: unknown): NearbitsError {
  if (error instanceof NearbitsError) return error;
  const reason = reasonOf(error);
  if (reason === 'UND_ERR_CONNECT_TIMEOUT') return timeoutError(url, 'connectTimeoutMs', 'no connection in time');
  if (reason !== undefined && wantsClientCertificate(reason)) return certificateNeeded(url, reason, error);
  const { kind, message, hint, certificate } = explain(reason, phase, error);
  return originError(kind, url, message, {
    cause: error,
    details: {
      ...(reason === undefined ? {} : { reason, systemCode: reason }),
      ...(certificate === true ? { certificate } : {}),
    },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The code underneath a failure, such as ECONNREFUSED; failing on several addresses gives an AggregateError whose members carry it. */
export function reasonOf(error: unknown): string | undefined {
  const code = systemErrorCode(error);
  if (code !== undefined) return code;
  return error instanceof AggregateError ? systemErrorCode(error.errors[0]) : undefined;
}

function certificateNeeded(url: string, reason: string, cause: unknown): NearbitsError {
  const shown = describeUrl(url);
  const message = `${shown}: the origin asks for a client certificate`;
  return new NearbitsError('ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED', message, {
    cause,
    details: { url: shown, reason, certificate: true },
    hint: 'Give the job a client certificate that the origin accepts.',
  });
}

/** Whether the connection was an old one that the origin had already closed: then nothing was processed and asking once more is safe (RFC 9112 section 9.3.1). */
export function isStaleConnection(error: NearbitsError): boolean {
  if (error.code !== 'E_ORIGIN_UNREACHABLE') return false;
  const cause = error.cause;
  const code = reasonOf(cause);
  if (code === 'ECONNRESET' || code === 'EPIPE') return true;
  return code === 'UND_ERR_SOCKET' && usedBefore(cause);
}

function usedBefore(error: unknown): boolean {
  const socket = (error as { socket?: { bytesRead?: unknown } | null }).socket;
  return typeof socket?.bytesRead === 'number' && socket.bytesRead > 0;
}

interface Explanation {
  readonly kind: OriginErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly certificate?: true;
}

function explain(code: string | undefined, phase: Phase, error: unknown): Explanation {
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return { kind: 'E_ORIGIN_PROTOCOL', message: 'the headers are too large' };
  if (code?.startsWith('HPE_')) return explainParser(code, phase, text);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { kind: 'E_ORIGIN_UNREACHABLE', message: 'the host name is not known', hint: 'Check the name and the DNS.' };
  }
  if (code !== undefined && isCertificateCode(code)) return explainCertificate(code);
  if (code !== undefined && refusesClientCertificate(code)) {
    return {
      kind: 'E_ORIGIN_UNREACHABLE',
      message: `the origin does not accept the client certificate (${code})`,
      hint: 'Give the job another client certificate.',
      certificate: true,
    };
  }
  if (code?.endsWith('ALERT_HANDSHAKE_FAILURE')) {
    return {
      kind: 'E_ORIGIN_UNREACHABLE',
      message: `the origin refuses the TLS handshake (${code})`,
      hint: 'It may want a client certificate, or another version of TLS.',
    };
  }
  if (phase === 'body') return { kind: 'E_ORIGIN_TRUNCATED', message: 'the origin closed before the end of the body' };
  return { kind: 'E_ORIGIN_UNREACHABLE', message: `the origin cannot be reached (${code ?? text})` };
}

// A chunked body that is cut ends inside the grammar: that is a lost connection, not a wrong one.
function explainParser(code: string, phase: Phase, text: string): Explanation {
  if (code === 'HPE_INVALID_EOF_STATE') {
    return phase === 'body'
      ? { kind: 'E_ORIGIN_TRUNCATED', message: 'the origin closed before the end of the body' }
      : { kind: 'E_ORIGIN_UNREACHABLE', message: 'the origin closed before the end of the headers' };
  }
  return { kind: 'E_ORIGIN_PROTOCOL', message: `the answer is not HTTP/1.1: ${text}` };
}

function explainCertificate(code: string): Explanation {
  const hint =
    code === 'UNABLE_TO_GET_CRL'
      ? 'The job checks revocation: configure a list of revoked certificates (CRL) for each authority of the origin.'
      : 'Check the clock and the trusted certificates of this machine.';
  const message = `the certificate is not trusted (${code})`;
  return { kind: 'E_ORIGIN_UNREACHABLE', message, hint, certificate: true };
}
