import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { CLIENT_AUTH, readCertificate, SERVER_AUTH } from '../../../src/domain/certificate.ts';
import { issueRevocationList } from '../../../src/domain/issue-crl.ts';
import type { X509Library } from '../../../src/domain/load-x509.ts';
import { enrolUntilUri, nodeUri } from '../../../src/domain/names.ts';
import { type ChainFault, createTrustAnchor } from '../../../src/domain/trust.ts';
import { verifyMembershipChain } from '../../../src/domain/verify-chain.ts';
import { testNodeId } from '../../support/node-ids.ts';
import { HOUR_MS, leaf, leafWith, NOW_MS, root, type Signer, sign, YEAR_MS } from '../../support/test-pki.ts';

const nodeId = testNodeId(7);
const other = testNodeId(8);
const lastCa = { use: { kind: 'ca', pathLength: 0 } } as const;

interface Case {
  readonly ca: Signer;
  /** Leaf first. */
  readonly chain: readonly Signer[];
  readonly lists?: readonly Uint8Array[];
  readonly nowMs?: number;
}

function check({ ca, chain, lists = [], nowMs = NOW_MS }: Case) {
  const ders = chain.map(({ certificateDer }) => certificateDer);
  return verifyMembershipChain(ders, createTrustAnchor(ca.certificateDer, lists), nodeId, nowMs);
}

function expectFault(reason: ChainFault, testCase: Case) {
  const fault = { code: 'E_CERTIFICATE', details: expect.objectContaining({ reason }) };
  expect(() => check(testCase)).toThrow(expect.objectContaining(fault));
}

test('a leaf of the CA, directly or through an intermediate, proves membership', async () => {
  const ca = await root();
  const direct = await leaf(ca, nodeId);
  expect(check({ ca, chain: [direct] })).toEqual({ nodeId, notAfterMs: NOW_MS + YEAR_MS });
  expect(check({ ca, chain: [direct, ca] })).toMatchObject({ nodeId });
  const middle = await sign(ca, { ...lastCa, name: 'middle', notAfterMs: NOW_MS + HOUR_MS });
  expect(check({ ca, chain: [await leaf(middle, nodeId), middle] })).toEqual({ nodeId, notAfterMs: NOW_MS + HOUR_MS });
});

test('self-signed and foreign chains are refused, also under the same names', async () => {
  const [ca, foreign] = [await root(), await root()];
  const self = await sign(null, { name: nodeId, use: { kind: 'node' }, uris: [nodeUri(nodeId)] });
  expectFault('untrusted', { ca, chain: [self] });
  const foreignLeaf = await leaf(foreign, nodeId);
  expectFault('untrusted', { ca, chain: [foreignLeaf] });
  expectFault('untrusted', { ca, chain: [foreignLeaf, foreign] });
  const enrolment = await sign(foreign, { ...lastCa, uris: [enrolUntilUri(NOW_MS + HOUR_MS)] });
  expectFault('untrusted', { ca, chain: [await leaf(enrolment, nodeId), enrolment] });
});

test('a leaf cannot act as a CA, and a CA cannot act as a leaf', async () => {
  const ca = await root();
  const member = await leaf(ca, other);
  expectFault('not-a-ca', { ca, chain: [await leaf(member, nodeId), member] });
  expectFault('key-usage', { ca, chain: [await sign(ca, { ...lastCa, uris: [nodeUri(nodeId)] })] });
});

test('path lengths hold, of the root and of intermediates', async () => {
  const ca = await root({ use: { kind: 'ca', pathLength: 2 } });
  const first = await sign(ca, { ...lastCa, name: 'first' });
  const second = await sign(first, { ...lastCa, name: 'second' });
  expectFault('path-length', { ca, chain: [await leaf(second, nodeId), second, first] });
  const small = await root({ use: { kind: 'ca', pathLength: 0 } });
  const below = await sign(small, { ...lastCa, name: 'below' });
  expectFault('path-length', { ca: small, chain: [await leaf(below, nodeId), below] });
});

test('chains are bounded before they are parsed', async () => {
  const ca = await root();
  const member = await leaf(ca, nodeId);
  expectFault('too-long', { ca, chain: Array(6).fill(member) });
  expectFault('too-long', { ca, chain: Array(5).fill(member) });
  expectFault('too-long', { ca, chain: [{ ...member, certificateDer: new Uint8Array(16 * 1024 + 1) }] });
  expectFault('malformed', { ca, chain: [{ ...member, certificateDer: new Uint8Array(8 * 1024 + 1) }] });
  expectFault('malformed', { ca, chain: [] });
  expectFault('malformed', { ca, chain: [ca] });
});

test('validity is checked for every certificate, with five minutes of patience for clocks that run behind', async () => {
  const ca = await root({ notBeforeMs: NOW_MS - YEAR_MS, notAfterMs: NOW_MS + 10 * YEAR_MS });
  const middle = await sign(ca, { ...lastCa, notAfterMs: NOW_MS + HOUR_MS });
  const late = await leaf(middle, nodeId, { notBeforeMs: NOW_MS });
  const chain = [late, middle];
  expect(check({ ca, chain, nowMs: NOW_MS - 299_000 }).nodeId).toBe(nodeId);
  expectFault('not-yet-valid', { ca, chain, nowMs: NOW_MS - 301_000 });
  expectFault('expired', { ca, chain, nowMs: NOW_MS + HOUR_MS + 1000 });
  const direct = await leaf(ca, nodeId);
  expectFault('expired', { ca, chain: [direct], nowMs: NOW_MS + YEAR_MS + 1000 });
  expectFault('expired', { ca, chain: [direct], nowMs: NOW_MS + 11 * YEAR_MS });
});

test('the certificate must name exactly the expected node', async () => {
  const ca = await root();
  expectFault('wrong-node', { ca, chain: [await leaf(ca, other)] });
  const rsaPeer = 'urn:nearbits:node:QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N';
  for (const uris of [[], ['https://example.com'], [nodeUri(nodeId), nodeUri(other)], [rsaPeer]]) {
    expectFault('no-node-id', { ca, chain: [await leaf(ca, nodeId, { uris })] });
  }
  const named = await leaf(ca, nodeId, { uris: ['https://example.com', nodeUri(nodeId)] });
  expect(check({ ca, chain: [named] }).nodeId).toBe(nodeId);
});

test('both TLS roles must be allowed', async () => {
  const ca = await root();
  for (const roles of [[], [SERVER_AUTH], [CLIENT_AUTH], ['2.5.29.37.0']]) {
    const member = await leafWith(ca, (x509) => [
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: nodeUri(nodeId) }]),
      ...(roles.length > 0 ? [new x509.ExtendedKeyUsageExtension(roles)] : []),
    ]);
    expectFault('key-usage', { ca, chain: [member] });
  }
});

test('a leaf without optional extensions, as other tools write it, is accepted', async () => {
  const ca = await root();
  const member = await leafWith(ca, (x509) => [
    new x509.SubjectAlternativeNameExtension([
      { type: 'dns', value: 'pc-17.example.com' },
      { type: 'url', value: nodeUri(nodeId) },
    ]),
    new x509.ExtendedKeyUsageExtension([CLIENT_AUTH, SERVER_AUTH]),
  ]);
  expect(check({ ca, chain: [member] }).nodeId).toBe(nodeId);
});

test('critical extensions that nobody here understands are refused', async () => {
  const ca = await root();
  const member = await leafWith(ca, (x509) => [
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value: nodeUri(nodeId) }]),
    new x509.ExtendedKeyUsageExtension([CLIENT_AUTH, SERVER_AUTH]),
    new x509.Extension('2.5.29.36', true, Buffer.from('30020500', 'hex')),
  ]);
  expectFault('unknown-extension', { ca, chain: [member] });
});

test('keys that are weak or of an unknown kind are refused', async () => {
  const ca = await root();
  const extensions = (x509: X509Library) => [
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value: nodeUri(nodeId) }]),
    new x509.ExtendedKeyUsageExtension([CLIENT_AUTH, SERVER_AUTH]),
  ];
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const x25519 = generateKeyPairSync('x25519').publicKey;
  const spkis = [rsa, x25519].map((key) => new Uint8Array(key.export({ type: 'spki', format: 'der' })));
  // An algorithm identifier that stands for nothing, with a key of three bytes.
  spkis.push(new Uint8Array(Buffer.from('300e3006060469816201030400112233', 'hex')));
  for (const spki of spkis) expectFault('weak', { ca, chain: [await leafWith(ca, extensions, spki)] });
});

test('leaves that begin after the enrolment deadline are refused, those before it live on', async () => {
  const ca = await root({ notAfterMs: NOW_MS + 10 * YEAR_MS });
  const deadlineMs = NOW_MS + HOUR_MS;
  const enrolment = await sign(ca, { ...lastCa, notAfterMs: NOW_MS + YEAR_MS, uris: [enrolUntilUri(deadlineMs)] });
  const inTime = await leaf(enrolment, nodeId, { notBeforeMs: deadlineMs });
  expect(check({ ca, chain: [inTime, enrolment], nowMs: NOW_MS + YEAR_MS / 2 }).nodeId).toBe(nodeId);
  const late = await leaf(enrolment, nodeId, { notBeforeMs: deadlineMs + 1000 });
  expectFault('enrolment-closed', { ca, chain: [late, enrolment], nowMs: NOW_MS + YEAR_MS / 2 });
  const unreadable = await sign(ca, { ...lastCa, uris: ['urn:nearbits:enrol-until:soon'] });
  expectFault('enrolment-closed', { ca, chain: [await leaf(unreadable, nodeId), unreadable] });
});

test('revoked leaves and intermediates are refused, also by the list of an intermediate CA', async () => {
  const ca = await root();
  const middle = await sign(ca, { ...lastCa, name: 'middle' });
  const [direct, below] = [await leaf(ca, nodeId), await leaf(middle, nodeId)];
  const listOf = (by: Signer, revoked: Signer) =>
    issueRevocationList(
      { ca: readCertificate(by.certificateDer), key: by.key },
      null,
      readCertificate(revoked.certificateDer).serial,
      NOW_MS,
    );
  expectFault('revoked', { ca, chain: [direct], lists: [listOf(ca, direct)] });
  expectFault('revoked', { ca, chain: [below, middle], lists: [listOf(ca, middle)] });
  expectFault('revoked', { ca, chain: [below, middle], lists: [listOf(middle, below)] });
  // Serial numbers belong to their issuer, and a list to the key that signed it.
  expect(check({ ca, chain: [below, middle], lists: [listOf(ca, below)] }).nodeId).toBe(nodeId);
  const impostor = await sign(ca, { ...lastCa, name: 'middle' });
  expect(check({ ca, chain: [below, middle], lists: [listOf(impostor, below)] }).nodeId).toBe(nodeId);
  const foreign = await root();
  const forged = listOf(foreign, direct);
  expect(() => createTrustAnchor(ca.certificateDer, [forged])).toThrow(/not signed/);
});

test('the root must be a self-signed CA', async () => {
  const ca = await root();
  const middle = await sign(ca, { ...lastCa, name: 'middle' });
  expect(() => createTrustAnchor(middle.certificateDer)).toThrow(/self-signed/);
  const self = await sign(null, { name: nodeId, use: { kind: 'node' }, uris: [nodeUri(nodeId)] });
  expect(() => createTrustAnchor(self.certificateDer)).toThrow(expect.objectContaining({ code: 'E_CERTIFICATE' }));
});
