import { generateKeyPairSync } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { expect, test } from 'vitest';
import { parseNodeId } from '../../../src/core/ids.ts';
import { identityOf, loadOrCreateIdentity, publicKeyOf } from '../../../src/peer/identity.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('an identity is made once and found again', async () => {
  await using dir = await tempDir();
  const home = join(dir.path, 'data');
  const made = await loadOrCreateIdentity(home);
  expect((await loadOrCreateIdentity(home)).nodeId).toBe(made.nodeId);
  expect((await stat(join(home, 'identity.key'))).mode & 0o777).toBe(0o600);
});

test('the node id is the PeerId that libp2p computes', () => {
  for (let count = 0; count < 20; count++) {
    const { nodeId, publicKey } = identityOf(generateKeyPairSync('ed25519').privateKey);
    const key = publicKeyFromRaw(publicKey);
    expect(key.type === 'Ed25519' && peerIdFromPublicKey(key).toString()).toBe(nodeId);
  }
});

test('the node id gives its public key back', () => {
  for (let count = 0; count < 20; count++) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    expect(publicKeyOf(identityOf(privateKey).nodeId).equals(publicKey)).toBe(true);
  }
});

test.each(['1', 'z'])('a node id of the right form may hold no key (%s)', (digit) => {
  const nodeId = parseNodeId(`12D3KooW${digit.repeat(44)}`);
  expect(() => publicKeyOf(nodeId)).toThrow(expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }));
});

test('a damaged identity is refused and left alone', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'identity.key');
  const otherKind = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
  for (const text of ['', 'garbage', 'x'.repeat(5000), otherKind.export({ type: 'pkcs8', format: 'pem' })]) {
    await writeFile(path, text);
    await expect(loadOrCreateIdentity(dir.path)).rejects.toMatchObject({ code: 'E_IO' });
    expect(await readFile(path, 'utf8')).toBe(text);
  }
});
