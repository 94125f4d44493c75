import { systemClock } from '../../src/core/clock.ts';
import type { NodeId } from '../../src/core/ids.ts';
import { keyPem } from '../../src/domain/issue.ts';
import type { Membership } from '../../src/domain/membership.ts';
import { domainTag } from '../../src/domain/names.ts';
import { encodePem } from '../../src/domain/pem.ts';
import { createTrustAnchor, type TrustAnchor } from '../../src/domain/trust.ts';
import { HOUR_MS, leaf, root, type Signer, sign } from './test-pki.ts';

/** From when to when a certificate is valid, in milliseconds since 1970. */
export interface Term {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A domain in memory, valid now: TLS looks at the machine's clock, so that a fixed date would not do. */
export class TestDomain {
  readonly ca: Signer;
  readonly #enrolment: Signer;
  readonly #trust: TrustAnchor;

  private constructor(ca: Signer, enrolment: Signer) {
    this.ca = ca;
    this.#enrolment = enrolment;
    this.#trust = createTrustAnchor(ca.certificateDer);
  }

  static async create(name = 'test'): Promise<TestDomain> {
    const ca = await root({ name, ...validNow() });
    return new TestDomain(ca, await sign(ca, { name: `${name} enrolment`, ...validNow() }));
  }

  /** A member whose leaf the CA itself signed. */
  async member(nodeId: NodeId, term: Term = validNow()): Promise<Membership> {
    return this.#membership(nodeId, await leaf(this.ca, nodeId, term), [], term);
  }

  /** A member that joined by a token: an enrolment CA stands between its leaf and the CA. */
  async joined(nodeId: NodeId): Promise<Membership> {
    const own = await leaf(this.#enrolment, nodeId, validNow());
    return this.#membership(nodeId, own, [this.#enrolment.certificateDer], validNow());
  }

  #membership(nodeId: NodeId, own: Signer, above: readonly Uint8Array[], term: Term): Membership {
    const chainDer = [own.certificateDer, ...above];
    return {
      domain: 'test',
      nodeId,
      tag: domainTag(this.#trust.ca.x509.publicKey),
      caPem: encodePem('CERTIFICATE', this.ca.certificateDer),
      chainPem: encodePem('CERTIFICATE', ...chainDer),
      chainDer,
      keyPem: keyPem(own.key),
      trust: this.#trust,
      notAfterMs: term.notAfterMs,
      canInvite: false,
    };
  }
}

/** From an hour ago to an hour ahead. */
export function validNow(): Term {
  const nowMs = systemClock.wallMs();
  return { notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + HOUR_MS };
}
