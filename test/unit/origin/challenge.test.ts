import { expect, test } from 'vitest';
import {
  MAX_CHALLENGE_PARAMS,
  MAX_CHALLENGES,
  parseChallenges,
  readChallenges,
} from '../../../src/origin/challenge.ts';

const plain = (line: string) => parseChallenges(line).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);

test.each([
  ['Basic realm="files"', [['basic', { realm: 'files' }]]],
  ['basic', [['basic', {}]]],
  [
    'Digest realm="a, b", nonce="n=", qop="auth,auth-int", stale=TRUE, Basic realm=x',
    [
      ['digest', { realm: 'a, b', nonce: 'n=', qop: 'auth,auth-int', stale: 'TRUE' }],
      ['basic', { realm: 'x' }],
    ],
  ],
  [
    'Negotiate YWJj=, NTLM , Bearer',
    [
      ['negotiate', {}],
      ['ntlm', {}],
      ['bearer', {}],
    ],
  ],
  ['Basic realm="say \\"a\\\\b\\"", realm="two"', [['basic', { realm: 'say "a\\b"' }]]],
  ['Basic REALM = "x"\t,\tcharset = UTF-8', [['basic', { realm: 'x', charset: 'UTF-8' }]]],
  ['realm="before any scheme", Basic realm="x"', [['basic', { realm: 'x' }]]],
  [
    'Basic realm="never closed, Digest nonce=n',
    [
      ['basic', {}],
      ['digest', { nonce: 'n' }],
    ],
  ],
  [', ,;;; Basic', []],
  [',,Basic ,, realm=x,', [['basic', { realm: 'x' }]]],
  ['', []],
])('the challenges of %j', (line, expected) => {
  expect(plain(line)).toEqual(expected);
});

test('challenges and parameters are bounded, and each line stands for itself', () => {
  expect(parseChallenges('Basic, '.repeat(100))).toHaveLength(MAX_CHALLENGES);
  const many = Array.from({ length: 100 }, (_, index) => `p${index}=1`).join(', ');
  expect(parseChallenges(`Digest ${many}`)[0]?.params.size).toBe(MAX_CHALLENGE_PARAMS);
  const headers = { 'www-authenticate': ['Digest realm="open', 'Basic realm="x"'] };
  expect(readChallenges(headers, 'www-authenticate').map(({ scheme }) => scheme)).toEqual(['digest', 'basic']);
  expect(readChallenges({}, 'www-authenticate')).toEqual([]);
});
