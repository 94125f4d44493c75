import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import type { PendingNotification } from '../../../src/notify/notification.ts';
import { signature, WEBHOOK_TIMEOUT_MS, WebhookSender } from '../../../src/notify/webhook.ts';
import { until } from '../../support/notify-fixture.ts';
import { loopbackCertificate } from '../../support/tls-certificate.ts';
import { hang, status, WebhookServer } from '../../support/webhook-server.ts';

const SECRET = 'a secret of the user';
const STARTED_MS = 1_700_000_000_000;

let clock: ManualClock;
let sender: WebhookSender;
let server: WebhookServer;

beforeEach(async () => {
  clock = new ManualClock(STARTED_MS);
  sender = new WebhookSender({ clock }, { webhookAllowed: (url) => !url.includes('forbidden') });
  server = await WebhookServer.start();
});
afterEach(async () => {
  await sender.close();
  await server[Symbol.asyncDispose]();
});

const notification: PendingNotification = {
  id: '0000000000000042',
  jobId: newJobId(),
  owner: 'alice',
  kind: 'transferred',
  urgent: true,
  atMs: STARTED_MS - 5000,
  attempt: 3,
  data: { displayName: 'Übung', files: [1, 2] },
};

const post = (url = server.url(), signal = new AbortController().signal) =>
  sender.post({ url, secret: SECRET }, notification, signal);

/** What the Web Crypto API, which the sender does not use, says of a signature. */
async function verifies(secret: string, signed: string, header: string): Promise<boolean> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['verify']);
  const mac = Buffer.from(header.replace(/^v1,/, ''), 'base64');
  return crypto.subtle.verify('HMAC', key, mac, new TextEncoder().encode(signed));
}

describe('signature', () => {
  it('is that of the example in the Standard Webhooks test vectors', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const signed = signature(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}');
    expect(signed).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
});

describe('WebhookSender', () => {
  it('posts the notification as JSON and signs what it sends', async () => {
    expect(await post(server.url('/hook?to=me'))).toEqual({ result: 'delivered' });
    const { method, path, headers, body, json } = server.seen[0] as (typeof server.seen)[number];
    expect([method, path, headers['content-type']]).toEqual(['POST', '/hook?to=me', 'application/json']);
    expect(headers['user-agent']).toMatch(/^nearbits\/\d/);
    const { urgent: _, ...told } = notification;
    expect(json).toEqual(told);
    expect(headers['webhook-id']).toBe(notification.id);
    expect(headers['webhook-timestamp']).toBe('1700000000');
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const header = String(headers['webhook-signature']);
    expect(await verifies(SECRET, signed, header)).toBe(true);
    expect(await verifies(SECRET, `${signed} `, header)).toBe(false);
    expect(await verifies('another secret!!', signed, header)).toBe(false);
  });

  it('takes only 2xx for delivered and tells the status alone', async () => {
    for (const code of [200, 201, 299]) {
      server.answer = status(code);
      expect(await post()).toEqual({ result: 'delivered' });
    }
    for (const code of [304, 400, 410, 500]) {
      server.answer = (response) => void response.writeHead(code).end('inside knowledge');
      expect(await post()).toEqual({ result: 'failed', message: `the webhook answered with status ${code}` });
    }
  });

  it('does not follow redirects', async () => {
    server.answer = (response) => void response.writeHead(307, { location: server.url('/internal') }).end();
    expect(await post()).toMatchObject({ result: 'failed', message: 'the webhook answered with status 307' });
    expect(server.seen.map((each) => each.path)).toEqual(['/hook']);
  });

  it('reads at most 64 KiB of an answer that never ends', async () => {
    let sent = 0;
    let closed = false;
    server.answer = (response) => {
      response.on('close', () => {
        closed = true;
      });
      const chunk = Buffer.alloc(16 * 1024);
      const more = (): void => {
        if (response.destroyed) return;
        sent += chunk.length;
        response.write(chunk, () => setImmediate(more));
      };
      response.writeHead(200);
      more();
    };
    expect(await post()).toEqual({ result: 'delivered' });
    await until(() => expect(closed).toBe(true));
    // What the kernel took on top is in its buffers, not in the node.
    expect(sent).toBeLessThan(16 * 1024 * 1024);
  });

  it('gives up after 30 seconds when no answer comes', async () => {
    server.answer = hang;
    const posting = post();
    await until(() => expect(server.seen).toHaveLength(1));
    clock.advance(WEBHOOK_TIMEOUT_MS - 1);
    expect(await Promise.race([posting, Promise.resolve('waits')])).toBe('waits');
    clock.advance(1);
    expect(await posting).toEqual({ result: 'failed', message: 'the webhook did not answer in time' });
  });

  it('takes the status of an answer whose body never ends, after 30 seconds at the latest', async () => {
    let open = false;
    server.answer = (response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('begun', () => {
        open = true;
      });
    };
    const posting = post();
    await until(() => expect(open).toBe(true));
    clock.advance(WEBHOOK_TIMEOUT_MS);
    expect((await posting).result).toMatch(/delivered|failed/);
    expect(clock.nextTimerInMs()).toBeNull();
  });

  it('names the failure of a connection, and nothing that came', async () => {
    const closing = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    const { port } = closing.address() as AddressInfo;
    expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({ result: 'failed' });
    await new Promise((resolve) => closing.close(resolve));
    const message = 'the webhook could not be reached (ECONNREFUSED)';
    expect(await post(`http://127.0.0.1:${port}/`)).toEqual({ result: 'failed', message });
  });

  it('refuses certificates that no known authority signed, whatever the environment says', async () => {
    const seen: unknown[] = [];
    const tls = createTlsServer(await loopbackCertificate(), (request, response) => {
      seen.push(request.url);
      response.end();
    });
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(tls.address() as AddressInfo).port}/`;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(await post(url)).toMatchObject({ result: 'failed', message: expect.stringContaining('SELF_SIGNED') });
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      tls.closeAllConnections();
      tls.close();
    }
    expect(seen).toEqual([]);
  });

  it.each(['ftp://127.0.0.1/x', 'file:///etc/passwd', 'http://user:word@127.0.0.1/', 'nothing', '', 'http://'])(
    'sends nothing to %j',
    async (url) => {
      expect(await post(url)).toMatchObject({ result: 'failed', message: expect.stringContaining('no http or https') });
    },
  );

  it('sends nothing to what the administrator does not allow', async () => {
    const message = 'the administrator does not allow this webhook';
    expect(await post(server.url('/forbidden'))).toEqual({ result: 'failed', message });
    expect(server.seen).toEqual([]);
  });

  it('ends when it is stopped', async () => {
    server.answer = hang;
    const stop = new AbortController();
    const posting = post(server.url(), stop.signal);
    await until(() => expect(server.seen).toHaveLength(1));
    stop.abort();
    expect(await posting).toMatchObject({ result: 'failed' });
    expect(clock.nextTimerInMs()).toBeNull();
  });
});
