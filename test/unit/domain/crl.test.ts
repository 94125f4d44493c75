import { expect, test } from 'vitest';
import { readCertificate } from '../../../src/domain/certificate.ts';
import { type RevocationList, readRevocationList } from '../../../src/domain/crl.ts';
import { issueRevocationList } from '../../../src/domain/issue-crl.ts';
import { loadX509 } from '../../../src/domain/load-x509.ts';
import { NOW_MS, root, YEAR_MS } from '../../support/test-pki.ts';

const serials = Array.from({ length: 300 }, (_, index) => (index * 7919 + 1).toString(16));

test('a list keeps every entry while it grows, and stays signed', async () => {
  const ca = await root();
  const issuer = { ca: readCertificate(ca.certificateDer), key: ca.key };
  let list: RevocationList | null = null;
  for (const serial of serials) list = readRevocationList(issueRevocationList(issuer, list, serial, NOW_MS));
  expect(list?.serials).toEqual(new Set(serials));
  expect(list?.isSignedBy(issuer.ca.x509.publicKey)).toBe(true);
  expect(list?.isSignedBy(readCertificate((await root()).certificateDer).x509.publicKey)).toBe(false);
});

test('other programs can read what we write, and we read what they write', async () => {
  const ca = await root({ notAfterMs: NOW_MS + 30 * YEAR_MS });
  const issuer = { ca: readCertificate(ca.certificateDer), key: ca.key };
  const first = readRevocationList(issueRevocationList(issuer, null, 'ff01', NOW_MS));
  const { X509Crl, X509CrlGenerator, X509Certificate } = loadX509();
  const theirs = new X509Crl(Buffer.from(issueRevocationList(issuer, first, '7f', NOW_MS)));
  expect(theirs.entries.map(({ serialNumber }) => serialNumber)).toEqual(
    ['00ff01', '7f'].map((hex) => expect.stringContaining(hex.slice(-2))),
  );
  expect(theirs.thisUpdate.getTime()).toBe(NOW_MS);
  expect(theirs.nextUpdate?.getTime()).toBe(NOW_MS + 30 * YEAR_MS);
  const authority = new X509Certificate(Buffer.from(ca.certificateDer));
  expect(await theirs.verify({ publicKey: authority })).toBe(true);

  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const made = await X509CrlGenerator.create({
    issuer: authority.subjectName,
    entries: [{ serialNumber: '0a', reason: 1 }],
    signingAlgorithm: algorithm,
    signingKey: ca.key.toCryptoKey(algorithm, false, ['sign']),
  });
  const read = readRevocationList(new Uint8Array(made.rawData));
  expect(read.issuer).toBe(issuer.ca.subject);
  expect([...read.serials]).toEqual(['a']);
  expect(read.isSignedBy(issuer.ca.x509.publicKey)).toBe(true);
});

test('delta and indirect lists are refused, because their entries mean something else', async () => {
  const ca = await root();
  const { Extension, X509CrlGenerator, X509Certificate } = loadX509();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const base = {
    issuer: new X509Certificate(Buffer.from(ca.certificateDer)).subjectName,
    signingAlgorithm: algorithm,
    signingKey: ca.key.toCryptoKey(algorithm, false, ['sign']),
  };
  const delta = await X509CrlGenerator.create({
    ...base,
    extensions: [new Extension('2.5.29.27', true, Buffer.from('020101', 'hex'))],
  });
  const indirect = await X509CrlGenerator.create({ ...base, entries: [{ serialNumber: '0a', issuer: 'CN=other' }] });
  for (const list of [delta, indirect]) {
    expect(() => readRevocationList(new Uint8Array(list.rawData))).toThrow(/not supported/);
  }
});
