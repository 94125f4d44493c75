import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NearbitsError } from '../../src/core/errors.ts';
import { readCertificate } from '../../src/domain/certificate.ts';
import { readRevocationList } from '../../src/domain/crl.ts';
import { issueRevocationList } from '../../src/domain/issue-crl.ts';
import { parseToken } from '../../src/domain/token.ts';
import { createTrustAnchor } from '../../src/domain/trust.ts';
import { verifyMembershipChain } from '../../src/domain/verify-chain.ts';
import { testNodeId } from '../support/node-ids.ts';
import { leaf, NOW_MS, root, sign } from '../support/test-pki.ts';

const nodeId = testNodeId(1);

/** Runs something on hostile input; anything but a NearbitsError with this code fails the property. */
function refuses(code: string, run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (error instanceof NearbitsError && error.code === code) return true;
    throw error;
  }
}

async function goodChain() {
  const ca = await root();
  const middle = await sign(ca, { name: 'middle', use: { kind: 'ca', pathLength: 0 } });
  const chain = [(await leaf(middle, nodeId)).certificateDer, middle.certificateDer];
  return { ca, trust: createTrustAnchor(ca.certificateDer), chain };
}

test('random bytes never prove membership and never throw anything else', async () => {
  const { trust } = await goodChain();
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), (chain) => {
      expect(refuses('E_CERTIFICATE', () => verifyMembershipChain(chain, trust, null, NOW_MS))).toBe(true);
    }),
  );
});

test('a chain with any byte changed proves nothing', async () => {
  const { trust, chain } = await goodChain();
  const change = fc.record({
    which: fc.nat({ max: 1 }),
    at: fc.nat({ max: 2000 }),
    bits: fc.integer({ min: 1, max: 255 }),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const copy = chain.map((der) => Uint8Array.from(der));
      for (const { which, at, bits } of changes) {
        const der = copy[which] as Uint8Array;
        der[at % der.length] = (der[at % der.length] as number) ^ bits;
      }
      fc.pre(copy.some((der, index) => !Buffer.from(der).equals(chain[index] as Uint8Array)));
      expect(refuses('E_CERTIFICATE', () => verifyMembershipChain(copy, trust, nodeId, NOW_MS))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('a cut or lengthened certificate proves nothing', async () => {
  const { trust, chain } = await goodChain();
  const [first, second] = chain as [Uint8Array, Uint8Array];
  fc.assert(
    fc.property(fc.nat({ max: first.length - 1 }), fc.uint8Array({ minLength: 1, maxLength: 20 }), (length, more) => {
      const cut = [first.subarray(0, length), second];
      expect(refuses('E_CERTIFICATE', () => verifyMembershipChain(cut, trust, nodeId, NOW_MS))).toBe(true);
      const longer = [Buffer.concat([first, more]), second];
      expect(refuses('E_CERTIFICATE', () => verifyMembershipChain(longer, trust, nodeId, NOW_MS))).toBe(true);
    }),
  );
});

test('a damaged revocation list is refused or not signed any more', async () => {
  const { ca, trust } = await goodChain();
  const issuer = { ca: readCertificate(ca.certificateDer), key: ca.key };
  const der = issueRevocationList(issuer, null, 'abcdef', NOW_MS);
  fc.assert(
    fc.property(fc.nat({ max: der.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const copy = Uint8Array.from(der);
      copy[at] = (copy[at] as number) ^ bits;
      const isSigned = () => readRevocationList(copy).isSignedBy(trust.ca.x509.publicKey);
      const read = { signed: false };
      const refused = refuses('E_CERTIFICATE', () => {
        read.signed = isSigned();
      });
      expect(refused || !read.signed).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('text that is no token is refused as a token', () => {
  const tokenLike = fc.base64String({ maxLength: 400 }).map((text) => `nearbits1.${text.replace(/[+/=]/g, '_')}`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), tokenLike), (text) => {
      expect(refuses('E_TOKEN', () => parseToken(text))).toBe(true);
    }),
  );
});
