import { createHmac } from 'node:crypto';
import { Agent } from 'undici';
import type { Clock } from '../core/clock.ts';
import { systemErrorCode } from '../core/errors.ts';
import { parseOriginUrl } from '../core/url.ts';
import { VERSION } from '../platform/version.ts';
import type { NotificationTarget, PendingNotification } from './notification.ts';
import { DELIVERED, failed, type Outcome } from './outcome.ts';
import { withTimeLimit } from './time-limit.ts';

/** Time for a whole delivery, from the name look-up to the end of the answer. */
export const WEBHOOK_TIMEOUT_MS = 30_000;
/** So much of an answer is read at most; it is thrown away. */
const MAX_ANSWER_BYTES = 64 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;

/** Where notifications may be sent. */
export interface WebhookOptions {
  /** Asked before each delivery: the administrator may keep users away from addresses of the network. */
  readonly webhookAllowed: (url: string) => boolean;
}

/**
 * Posts notifications to the addresses that users give. The node can reach more than a user of it may, so a webhook is
 * also a way to poke at services inside the network. What a user can make the node do is therefore narrow: one POST of a
 * fixed form to an http or https URL without credentials in it that `webhookAllowed` accepts, without a proxy and without
 * following redirects; and all that comes back to the user is the status or the name of the failure, never a
 * byte of the answer. Names are resolved at each delivery, so only rules about names hold, not about what they resolve to.
 */
export class WebhookSender {
  readonly #clock: Clock;
  readonly #options: WebhookOptions;
  readonly #agent = new Agent({
    allowH2: false,
    maxHeaderSize: 16 * 1024,
    // Said here because a variable of the environment could switch the check off for the whole process.
    connect: { timeout: CONNECT_TIMEOUT_MS, rejectUnauthorized: true },
  });

  constructor(deps: { readonly clock: Clock }, options: WebhookOptions) {
    this.#clock = deps.clock;
    this.#options = options;
  }

  /** Posts one notification; never rejects. Delivered means an answer with 2xx. */
  async post(
    webhook: NonNullable<NotificationTarget['webhook']>,
    notification: PendingNotification,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const url = usableUrl(webhook.url);
    if (url === null) return failed('the webhook is no http or https URL without credentials');
    if (!this.#options.webhookAllowed(url.href)) return failed('the administrator does not allow this webhook');
    try {
      const limits = { limitMs: WEBHOOK_TIMEOUT_MS, signal };
      const status = await withTimeLimit(this.#clock, limits, (limited) =>
        this.#send(url, webhook.secret, notification, limited),
      );
      return status >= 200 && status < 300 ? DELIVERED : failed(`the webhook answered with status ${status}`);
    } catch (error) {
      return failed(describe(error));
    }
  }

  /** Ends all connections; idempotent. */
  async close(): Promise<void> {
    if (!this.#agent.destroyed) await this.#agent.destroy();
  }

  async #send(url: URL, secret: string, notification: PendingNotification, signal: AbortSignal): Promise<number> {
    const body = bodyOf(notification);
    const answer = await this.#agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'POST',
      headers: headersFor(notification.id, body, secret, this.#clock),
      body,
      // Deliveries are rare: a kept connection would mostly be a dead one when it is used again.
      reset: true,
      signal,
    });
    // The status is what counts; the answer is taken only so that the other side can finish writing it.
    await answer.body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => null);
    return answer.statusCode;
  }
}

/**
 * The signature of a body as Standard Webhooks (standardwebhooks.com) defines it: HMAC-SHA256 over id, time and body, in Base64.
 * A secret that begins with `whsec_` is the Base64 form of the key, as in that scheme; every other is the key itself in UTF-8.
 */
export function signature(secret: string, id: string, timestamp: number, body: string): string {
  const prefix = 'whsec_';
  const key = secret.startsWith(prefix) ? Buffer.from(secret.slice(prefix.length), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

function headersFor(id: string, body: string, secret: string, clock: Clock): Record<string, string> {
  const timestamp = Math.floor(clock.wallMs() / 1000);
  return {
    'content-type': 'application/json',
    'user-agent': `nearbits/${VERSION}`,
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature(secret, id, timestamp, body),
  };
}

function bodyOf(notification: PendingNotification): string {
  const { id, jobId, owner, kind, atMs, attempt, data } = notification;
  return JSON.stringify({ id, jobId, owner, kind, atMs, attempt, data });
}

function usableUrl(text: string): URL | null {
  try {
    return new URL(parseOriginUrl(text));
  } catch {
    return null;
  }
}

function describe(error: unknown): string {
  if (error instanceof Error && error.name === 'AbortError') return 'the webhook did not answer in time';
  const code = systemErrorCode(error);
  return `the webhook could not be reached${code === undefined ? '' : ` (${code})`}`;
}
