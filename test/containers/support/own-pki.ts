import { vi } from 'vitest';
import { type NodeId, parseNodeId } from '../../../src/core/ids.ts';
import { keyPem } from '../../../src/domain/issue.ts';
import { encodePem } from '../../../src/domain/pem.ts';
import { leaf, root, type Signer, YEAR_MS } from '../../support/test-pki.ts';
import type { NodeMachine } from './node-machine.ts';

const DOMAIN_DIR = '/var/lib/nearbits/domain';

/** An organisation with its own PKI: it places ca.pem, node.pem and node.key instead of handing out tokens. */
export class OwnPki {
  readonly #ca: Signer;

  private constructor(ca: Signer) {
    this.#ca = ca;
  }

  /** Creates the CA. */
  static async create(): Promise<OwnPki> {
    return new OwnPki(await root(validUntil(Date.now() + 2 * YEAR_MS)));
  }

  /** Makes the node a member until `notAfterMs`, and waits until it takes part. */
  async admit(node: NodeMachine, notAfterMs: number): Promise<void> {
    const { nodeId } = await node.status();
    const member = await leaf(this.#ca, parseNodeId(nodeId) as NodeId, validUntil(notAfterMs));
    await node.write(`${DOMAIN_DIR}/ca.pem`, encodePem('CERTIFICATE', this.#ca.certificateDer));
    await node.write(`${DOMAIN_DIR}/node.key`, keyPem(member.key));
    await node.write(`${DOMAIN_DIR}/node.pem`, encodePem('CERTIFICATE', member.certificateDer));
    await node.run('sh', '-c', 'kill -HUP 1');
    // Certificates count in whole seconds.
    const expected = Math.floor(notAfterMs / 1000) * 1000;
    await vi.waitFor(
      async () => {
        if ((await node.status()).domain?.notAfterMs !== expected) throw new Error('the membership is not read yet');
      },
      { timeout: 20_000, interval: 100 },
    );
  }
}

function validUntil(notAfterMs: number) {
  return { notBeforeMs: Date.now() - YEAR_MS, notAfterMs };
}
