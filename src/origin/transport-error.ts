import { NearbitsError, systemErrorCode } from '../core/errors.ts';
import { type OriginErrorCode, originError, timeoutError } from './failure.ts';

/** How far a request was when its connection failed. */
export type Phase = 'connecting' | 'waiting' | 'body';

/**
 * Turns what undici, the system or TLS threw into one of our codes. A connection lost before the headers
 * means "unreachable", afterwards "truncated"; both may succeed when asked again.
 */
export function transportError(url: string, phase: Phase, error: unknown): NearbitsError {
  if (error instanceof NearbitsError) return error;
  const code = codeWithin(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return timeoutError(url, 'connectTimeoutMs', 'no connection in time');
  const { kind, message, hint } = explain(code, phase, error);
  return originError(kind, url, message, {
    cause: error,
    details: code === undefined ? {} : { systemCode: code },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Whether the connection was an old one that the origin had already closed: then nothing was processed and asking once more is safe (RFC 9112 section 9.3.1). */
export function isStaleConnection(error: NearbitsError): boolean {
  if (error.code !== 'E_ORIGIN_UNREACHABLE') return false;
  const cause = error.cause;
  const code = codeWithin(cause);
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
}

function explain(code: string | undefined, phase: Phase, error: unknown): Explanation {
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return { kind: 'E_ORIGIN_PROTOCOL', message: 'the headers are too large' };
  if (code?.startsWith('HPE_')) return explainParser(code, phase, text);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { kind: 'E_ORIGIN_UNREACHABLE', message: 'the host name is not known', hint: 'Check the name and the DNS.' };
  }
  if (code === 'UND_ERR_PRX_CONN' || code === 'UND_ERR_PRX_TLS' || code === 'UND_ERR_ABORTED' || isProxyLogin(text)) {
    return {
      kind: 'E_ORIGIN_UNREACHABLE',
      message: `the proxy refused: ${text}`,
      hint: 'Check http_proxy and https_proxy.',
    };
  }
  if (code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_|TLS/.test(code)) {
    return {
      kind: 'E_ORIGIN_UNREACHABLE',
      message: `the certificate is not trusted (${code})`,
      hint: 'Check the clock and the trusted certificates of this machine.',
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

// undici gives this answer of a forward proxy no code of its own.
function isProxyLogin(text: string): boolean {
  return text === 'Proxy Authentication Required (407)';
}

// A failed connection to several addresses is an AggregateError whose members carry the code.
function codeWithin(error: unknown): string | undefined {
  const code = systemErrorCode(error);
  if (code !== undefined) return code;
  return error instanceof AggregateError ? systemErrorCode(error.errors[0]) : undefined;
}
