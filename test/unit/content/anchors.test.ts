import { describe, expect, it } from 'vitest';
import { type Claim, chooseAnchor } from '../../../src/content/anchors.ts';
import type { Anchor, AnchorKind } from '../../../src/content/descriptor.ts';
import { errorOf } from '../../support/error-code.ts';

const SIZE = 3_000_000;
const PIECES = { pieceSize: 1_048_576, hashes: [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) };
const digest = (byte: number) => new Uint8Array(32).fill(byte);

function claim(kind: AnchorKind, change: Partial<Claim> = {}): Claim {
  const anchor = { kind, url: 'https://example.org/f?secret', nodeId: 'n' } as unknown as Anchor;
  return { anchor, size: null, sha256: digest(7), pieces: null, ...change };
}

describe('the choice of an anchor', () => {
  it('is none when nobody says anything', () => {
    expect(chooseAnchor(SIZE, [])).toBeNull();
    expect(chooseAnchor(SIZE, [claim('metalink', { sha256: null })])).toBeNull();
  });

  it('joins what agrees, under the strongest of them', () => {
    const found = [claim('metalink', { size: SIZE, pieces: PIECES }), claim('repr-digest'), claim('url-digest')];
    expect(chooseAnchor(SIZE, found)).toMatchObject({
      size: SIZE,
      pieceSize: 1_048_576,
      pieces: PIECES.hashes,
      sha256: digest(7),
      anchor: { kind: 'url-digest' },
    });
  });

  it('lets the digest of the job win, without the pieces that belong to another digest', () => {
    const lying = claim('metalink', { sha256: digest(8), pieces: PIECES });
    const chosen = chooseAnchor(SIZE, [lying, claim('repr-digest', { sha256: digest(9) }), claim('job-digest')]);
    expect(chosen).toMatchObject({ sha256: digest(7), pieces: null, anchor: { kind: 'job-digest' } });
  });

  it('takes the pieces that belong to the digest of the job, and none that nobody ties to it', () => {
    const untied = claim('metalink', { sha256: null, pieces: PIECES });
    expect(chooseAnchor(SIZE, [untied, claim('job-digest')])).toMatchObject({ pieces: null, sha256: digest(7) });
    const tied = claim('metalink', { pieces: PIECES });
    const anchor = { kind: 'job-digest' };
    expect(chooseAnchor(SIZE, [tied, claim('job-digest')])).toMatchObject({ pieces: PIECES.hashes, anchor });
  });

  it('lets a document that was given with the job win like a digest, and joins the two', () => {
    const given = claim('job-metalink', { size: SIZE, sha256: digest(8), pieces: PIECES });
    const anchor = { kind: 'job-metalink' };
    const expected = { sha256: digest(8), pieces: PIECES.hashes, anchor };
    expect(chooseAnchor(SIZE, [claim('repr-digest'), claim('url-digest'), given])).toMatchObject(expected);
    const onlyPieces = { ...given, sha256: null };
    expect(chooseAnchor(SIZE, [claim('repr-digest'), onlyPieces])).toMatchObject({ ...expected, sha256: null });
    const both = { sha256: digest(7), pieces: PIECES.hashes, anchor: { kind: 'job-digest' } };
    expect(chooseAnchor(SIZE, [onlyPieces, claim('job-digest')])).toMatchObject(both);
  });

  it('is an error when the job itself says two things', () => {
    const error = errorOf(() =>
      chooseAnchor(SIZE, [claim('job-metalink', { sha256: digest(8) }), claim('job-digest')]),
    );
    expect(error?.code).toBe('E_VALIDATION_FAILED');
    expect(error?.message).toBe(
      'the digest that was asked for and the Metalink document that was given, https://example.org/f contradict each other',
    );
    expect(error?.hint).toBe('Give only the one that is right.');
  });

  it('keeps to the digest of the job when others disagree about the pieces only', () => {
    const others = { ...PIECES, hashes: [1, 2, 4].map(digest) };
    const found = [PIECES, others].map((pieces) => claim('metalink', { sha256: null, pieces }));
    expect(chooseAnchor(SIZE, [...found, claim('job-digest')])).toMatchObject({ pieces: null, sha256: digest(7) });
  });

  it('is an error that names both when two contradict each other', () => {
    const error = errorOf(() => chooseAnchor(SIZE, [claim('repr-digest'), claim('metalink', { sha256: digest(8) })]));
    expect(error?.code).toBe('E_VALIDATION_FAILED');
    expect(error?.message).toBe(
      'the Repr-Digest of the origin and the Metalink document https://example.org/f contradict each other',
    );
    expect(error?.hint).toContain('job');
  });

  it('sets aside what speaks of another size', () => {
    const old = claim('metalink', { size: SIZE - 1, sha256: digest(8) });
    const wrong = claim('metalink', { pieces: { ...PIECES, hashes: PIECES.hashes.slice(1) }, sha256: digest(8) });
    expect(chooseAnchor(SIZE, [old, wrong, claim('repr-digest')])).toMatchObject({ anchor: { kind: 'repr-digest' } });
  });

  it('never takes the pieces of a holder for those of the origin', () => {
    const holder = claim('holder', { pieces: PIECES });
    expect(chooseAnchor(SIZE, [holder, claim('repr-digest')])).toMatchObject({ pieces: null });
    expect(chooseAnchor(SIZE, [holder, claim('holder', { sha256: digest(8) })])).toMatchObject({
      sha256: digest(7),
      pieces: PIECES.hashes,
      anchor: { kind: 'holder' },
    });
  });
});
