import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Authenticator, MAX_LOGIN_ROUNDS } from '../../src/origin/authenticator.ts';
import { isBypassed, noProxyEntries } from '../../src/origin/bypass.ts';
import { MAX_CHALLENGE_PARAMS, MAX_CHALLENGES, parseChallenges } from '../../src/origin/challenge.ts';
import { credential } from '../support/job-session.ts';

// Garbage that comes close: pieces of the grammar in any order, and plain noise.
const PIECES = [
  'Basic',
  'Digest',
  'Bearer',
  ' ',
  ',',
  '=',
  '"',
  '\\',
  'realm=',
  'nonce="n"',
  'qop=',
  'auth',
  'stale=true',
];
const line = fc.oneof(
  fc
    .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })), { maxLength: 60 })
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 500 }),
);

test('challenges are read from anything, within their bounds', () => {
  fc.assert(
    fc.property(line, (text) => {
      const challenges = parseChallenges(text);
      expect(challenges.length).toBeLessThanOrEqual(MAX_CHALLENGES);
      for (const { scheme, params } of challenges) {
        expect(scheme).toMatch(/^[!-~]+$/);
        expect(params.size).toBeLessThanOrEqual(MAX_CHALLENGE_PARAMS);
      }
    }),
  );
});

test('parameters survive printing and reading', () => {
  const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
  const params = fc.dictionary(token, fc.string({ unit: 'binary-ascii', maxLength: 30 }), { minKeys: 1, maxKeys: 8 });
  fc.assert(
    fc.property(fc.array(fc.tuple(token, params), { minLength: 1, maxLength: 5 }), (wanted) => {
      const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
      const print = ([scheme, values]: [string, Record<string, string>]) =>
        `${scheme} ${Object.entries(values)
          .map(([name, value]) => `${name}=${quote(value)}`)
          .join(', ')}`;
      const found = parseChallenges(wanted.map(print).join(', '));
      expect(found.map(({ scheme, params }) => [scheme, { ...Object.fromEntries(params) }])).toEqual(
        wanted.map(([scheme, values]) => [scheme, { ...values }]),
      );
    }),
  );
});

test('whatever a server answers, a request is sent a bounded number of times and its headers can be sent', () => {
  const credentials = [credential('DIGEST'), credential('BASIC')];
  fc.assert(
    fc.property(fc.array(line, { minLength: 10, maxLength: 10 }), (lines) => {
      const authenticator = new Authenticator({ newNonce: () => 'c' }, { credentials });
      let round = 0;
      for (let goOn = true; goOn; round++) {
        const sent = authenticator.login('http://a.test', 'GET', '/x');
        if (sent !== null) expect(sent.value).toMatch(/^[\t\x20-\x7e\x80-\xff]+$/);
        goOn = authenticator.learn('http://a.test', parseChallenges(lines[round] ?? ''), sent, round) === 'again';
      }
      expect(round).toBeLessThanOrEqual(MAX_LOGIN_ROUNDS + 1);
    }),
  );
});

test('any bypass list can be asked about any host', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 30 })), fc.webUrl(), (entries, url) => {
      isBypassed(entries, new URL(url));
      expect(isBypassed([...entries, '*'], new URL(url))).toBe(true);
      noProxyEntries(entries.join(','));
    }),
  );
});
