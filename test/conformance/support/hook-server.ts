import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JobNotification } from '../../../src/job/model/view.ts';
import { eventually } from './job-api.ts';

/** What was posted, and when. */
export interface Posted extends Pick<JobNotification, 'id' | 'jobId' | 'kind' | 'attempt'> {
  readonly atMs: number;
}

/** Receives webhooks on a real socket. */
export class HookServer implements AsyncDisposable {
  readonly #server: Server;
  readonly posted: Posted[] = [];
  /** The status to answer with, at once or later. */
  answer: (posted: Posted) => number | Promise<number> = () => 204;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const posted = { ...JSON.parse(Buffer.concat(chunks).toString()), atMs: Date.now() } as Posted;
      this.posted.push(posted);
      response.writeHead(await this.answer(posted)).end();
    });
  }

  static async start(): Promise<HookServer> {
    const hooks = new HookServer();
    await new Promise<void>((resolve) => hooks.#server.listen(0, '127.0.0.1', resolve));
    return hooks;
  }

  /** The property of a job that is told here. */
  get webhook(): { readonly url: string; readonly secret: string } {
    return {
      url: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`,
      secret: 'a secret of the test',
    };
  }

  /** What was posted about one job. */
  about(jobId: string): Posted[] {
    return this.posted.filter((posted) => posted.jobId === jobId);
  }

  /** Waits until so much was posted about a job. */
  async toldOf(jobId: string, times = 1): Promise<void> {
    const enough = () => this.about(jobId).length >= times;
    await eventually(enough, () => `the webhook was not called ${times} times`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
