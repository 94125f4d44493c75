import { expect, test } from 'vitest';
import { parseChallenges } from '../../../src/origin/challenge.ts';
import { type DigestChallenge, digestAuthorization, readDigest } from '../../../src/origin/digest.ts';

const read = (line: string) => readDigest(parseChallenges(line)[0] ?? { scheme: 'digest', params: new Map() });
const RFC =
  'Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"';
const INPUT = {
  user: 'Mufasa',
  password: 'Circle of Life',
  method: 'GET',
  uri: '/dir/index.html',
  count: 1,
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
};

// The example of RFC 7616 section 3.9.1.
test.each([
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
])('the answer of RFC 7616 with %s', (algorithm, response) => {
  const challenge = read(`${RFC}, algorithm=${algorithm}, opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`);
  expect(digestAuthorization(challenge as DigestChallenge, INPUT)).toBe(
    [
      'Digest username="Mufasa"',
      'realm="http-auth@example.org"',
      'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
      'uri="/dir/index.html"',
      `algorithm=${algorithm}`,
      `response="${response}"`,
      'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
      'qop=auth',
      'nc=00000001',
      'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"',
    ].join(', '),
  );
});

// The example of RFC 2069 as its errata corrected it.
test('without qop the older form is used', () => {
  const challenge = read('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"');
  const answer = digestAuthorization(challenge as DigestChallenge, { ...INPUT, password: 'CircleOfLife' });
  expect(answer).toContain('response="1949323746fe6a43ef61f9606e7febea"');
  expect(answer).not.toMatch(/qop|nc=|cnonce|algorithm/);
});

test('names outside of ASCII and hashed names', () => {
  const extended = digestAuthorization(read(RFC) as DigestChallenge, { ...INPUT, user: "Jäsøn (O'X)" });
  expect(extended).toContain("username*=UTF-8''J%C3%A4s%C3%B8n%20%28O%27X%29,");
  const hashed = digestAuthorization(read(`${RFC}, userhash=true`) as DigestChallenge, INPUT);
  expect(hashed).toMatch(/username="[0-9a-f]{32}", userhash=true/);
  expect(hashed).not.toContain('Mufasa');
  expect(digestAuthorization(read(RFC) as DigestChallenge, { ...INPUT, user: 'a"\\' })).toContain(
    'username="a\\"\\\\"',
  );
});

test.each([
  'Digest nonce="n"',
  'Digest realm="r"',
  'Digest realm="r", nonce="n", algorithm=SHA-512-256',
  'Digest realm="r", nonce="n", qop="auth-int"',
  'Digest realm="r", nonce="n\u2028"',
])('%j cannot be answered', (line) => {
  expect(read(line)).toBeNull();
});
