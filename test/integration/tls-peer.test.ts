import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { createDomain, createInvite, joinDomain } from '../../src/domain/domain.ts';
import { loadMembership, type Membership } from '../../src/domain/membership.ts';
import { revoke } from '../../src/domain/revoke.ts';
import { parseIntermediates, printIntermediates, verifyTlsPeer } from '../../src/domain/tls-peer.ts';
import { testNodeId } from '../support/node-ids.ts';
import { tempDir } from '../support/temp-dir.ts';

const [alice, bob] = [{ nodeId: testNodeId(1) }, { nodeId: testNodeId(2) }];

/** Connects two members over mutual TLS 1.3 and gives both ends to `check` after the handshake. */
async function handshake(
  server: Membership,
  client: Membership,
  check: (far: TLSSocket, near: TLSSocket) => void,
): Promise<void> {
  const tlsOf = ({ caPem, chainPem, keyPem }: Membership) =>
    ({ ca: caPem, cert: chainPem, key: keyPem, minVersion: 'TLSv1.3', maxCachedSessions: 0 }) as const;
  const secureOptions = constants.SSL_OP_NO_TICKET;
  const listener = createServer({ ...tlsOf(server), requestCert: true, rejectUnauthorized: true, secureOptions });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  const accepted = once(listener, 'secureConnection');
  const near = connect({ ...tlsOf(client), host: '127.0.0.1', port, checkServerIdentity: () => undefined });
  try {
    const [[far]] = await Promise.all([accepted, once(near, 'secureConnect')]);
    check(far as TLSSocket, near);
    (far as TLSSocket).destroy();
  } finally {
    near.destroy();
    await new Promise((resolve) => listener.close(resolve));
  }
}

test('both ends of a TLS connection prove the node, its chain and that it is not revoked', async () => {
  await using dir = await tempDir();
  const [a, b] = [join(dir.path, 'a'), join(dir.path, 'b')];
  const made = await createDomain(a, 'office', alice, systemClock);
  const joined = await joinDomain(b, (await createInvite(a, systemClock)).token, bob, systemClock);
  await revoke(a, bob.nodeId, systemClock);
  const { trust: afterRevocation } = (await loadMembership(a, alice.nodeId, systemClock)) as Membership;
  const nowMs = systemClock.wallMs();
  const sent = parseIntermediates(printIntermediates(joined.chainDer));
  await handshake(made, joined, (far, near) => {
    expect(verifyTlsPeer(near, joined.trust, alice.nodeId, nowMs).nodeId).toBe(alice.nodeId);
    expect(() => verifyTlsPeer(near, joined.trust, bob.nodeId, nowMs)).toThrow(/another node/);
    expect(verifyTlsPeer(far, made.trust, null, nowMs, sent).nodeId).toBe(bob.nodeId);
    expect(() => verifyTlsPeer(far, afterRevocation, null, nowMs, sent)).toThrow(/revoked/);
  });
  await handshake(joined, made, (far, near) => {
    expect(verifyTlsPeer(near, made.trust, bob.nodeId, nowMs).nodeId).toBe(bob.nodeId);
    expect(() => verifyTlsPeer(near, afterRevocation, bob.nodeId, nowMs)).toThrow(/revoked/);
    expect(verifyTlsPeer(far, joined.trust, null, nowMs).nodeId).toBe(alice.nodeId);
  });
});

test('a header that holds no chain is refused before it is decoded', () => {
  expect(parseIntermediates(undefined)).toEqual([]);
  for (const header of ['=', 'AAAA,', 'ä', 'A,A,A,A', 'A'.repeat(40_000)]) {
    expect(() => parseIntermediates(header)).toThrow(expect.objectContaining({ code: 'E_CERTIFICATE' }));
  }
});
