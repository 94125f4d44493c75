import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { createDomain, createInvite, joinDomain, leaveDomain } from '../../../src/domain/domain.ts';
import { keyPem } from '../../../src/domain/issue.ts';
import { loadMembership } from '../../../src/domain/membership.ts';
import { encodePem } from '../../../src/domain/pem.ts';
import { revoke } from '../../../src/domain/revoke.ts';
import { verifyMembershipChain } from '../../../src/domain/verify-chain.ts';
import { testNodeId } from '../../support/node-ids.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { HOUR_MS, leaf, NOW_MS, root, sign, YEAR_MS } from '../../support/test-pki.ts';

const alice = { nodeId: testNodeId(1) };
const bob = { nodeId: testNodeId(2) };
const carol = { nodeId: testNodeId(3) };

/** A domain of two: its maker in a/, a node that joined by token in b/. */
async function twoMembers() {
  const dir = await tempDir();
  const clock = new ManualClock(NOW_MS);
  const [a, b] = [join(dir.path, 'a', 'domain'), join(dir.path, 'b', 'domain')];
  const made = await createDomain(a, 'office', alice, clock);
  const invite = await createInvite(a, clock);
  const joined = await joinDomain(b, invite.token, bob, clock);
  return { dir, clock, a, b, made, joined, invite, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

test('a domain is made, a node joins by token, and both prove their membership to each other', async () => {
  await using world = await twoMembers();
  const { made, joined, clock } = world;
  expect(made).toMatchObject({ domain: 'office', nodeId: alice.nodeId, canInvite: true });
  expect(joined).toMatchObject({ domain: 'office', nodeId: bob.nodeId, canInvite: false, caPem: made.caPem });
  expect(made.tag).toEqual(joined.tag);
  expect(made.tag).toHaveLength(16);
  expect(joined.notAfterMs).toBe(NOW_MS + YEAR_MS);
  const nowMs = clock.wallMs();
  expect(verifyMembershipChain(joined.chainDer, made.trust, bob.nodeId, nowMs).nodeId).toBe(bob.nodeId);
  expect(verifyMembershipChain(made.chainDer, joined.trust, alice.nodeId, nowMs).nodeId).toBe(alice.nodeId);
});

test('keys are readable for their owner only', async () => {
  await using world = await twoMembers();
  for (const path of [join(world.a, 'ca.key'), join(world.a, 'node.key'), join(world.b, 'node.key')]) {
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  }
  await chmod(join(world.b, 'node.key'), 0o644);
  await expect(loadMembership(world.b, bob.nodeId, world.clock)).rejects.toMatchObject({ code: 'E_DOMAIN' });
});

test('a token works until its expiry and no longer; who joined before stays for the whole term', async () => {
  await using world = await twoMembers();
  const { dir, invite, made, joined } = world;
  expect(invite.enrolUntilMs).toBe(NOW_MS + 24 * HOUR_MS);
  const later = new ManualClock(invite.enrolUntilMs + 1);
  const join3 = join(dir.path, 'c');
  await expect(joinDomain(join3, invite.token, carol, later)).rejects.toMatchObject({
    code: 'E_TOKEN',
    hint: expect.stringContaining('invite'),
  });
  const muchLaterMs = NOW_MS + YEAR_MS - HOUR_MS;
  expect(verifyMembershipChain(joined.chainDer, made.trust, bob.nodeId, muchLaterMs).nodeId).toBe(bob.nodeId);
});

test('a token says so when it is damaged, foreign, or of a newer version', async () => {
  await using world = await twoMembers();
  const { dir, invite, clock } = world;
  const { token } = invite;
  const flipped = token.slice(0, 100) + (token[100] === 'A' ? 'B' : 'A') + token.slice(101);
  for (const bad of ['', 'hello', flipped, token.slice(0, -3), `${token}AAAA`, 'nearbits2.AAAA', 'x'.repeat(20_000)]) {
    await expect(joinDomain(join(dir.path, 'c'), bad, carol, clock)).rejects.toMatchObject({ code: 'E_TOKEN' });
  }
  const wrapped = `  ${token.slice(0, 70)}\r\n${token.slice(70)}\n`;
  expect((await joinDomain(join(dir.path, 'c'), wrapped, carol, clock)).domain).toBe('office');
});

test('invites have a term of one minute to thirty days and need the key of the CA', async () => {
  await using world = await twoMembers();
  for (const expiresMs of [0, 59_999, 31 * 24 * HOUR_MS, Number.NaN]) {
    await expect(createInvite(world.a, world.clock, { expiresMs })).rejects.toMatchObject({
      code: 'E_INVALID_ARGUMENT',
    });
  }
  await expect(createInvite(world.b, world.clock)).rejects.toMatchObject({ code: 'E_DOMAIN' });
});

test('a member of one domain cannot slip into another one', async () => {
  await using world = await twoMembers();
  const other = join(world.dir.path, 'other');
  await createDomain(other, 'elsewhere', carol, world.clock);
  const { token } = await createInvite(other, world.clock);
  await expect(joinDomain(world.b, token, bob, world.clock)).rejects.toMatchObject({ code: 'E_DOMAIN' });
  await expect(createDomain(world.b, 'mine', bob, world.clock)).rejects.toMatchObject({ code: 'E_DOMAIN' });
  expect((await loadMembership(world.b, bob.nodeId, world.clock))?.domain).toBe('office');
});

test('a member that joined by token cannot make a second domain of the same name', async () => {
  await using world = await twoMembers();
  await expect(createDomain(world.b, 'office', bob, world.clock)).rejects.toMatchObject({ code: 'E_DOMAIN' });
  expect((await loadMembership(world.b, bob.nodeId, world.clock))?.caPem).toBe(world.made.caPem);
});

test("files of an organisation's own PKI, placed by hand, make a member", async () => {
  await using dir = await tempDir();
  const clock = new ManualClock(NOW_MS);
  const ca = await root({ name: 'Example Ltd' });
  const site = await sign(ca, { name: 'Site 3', use: { kind: 'ca', pathLength: 0 } });
  const member = await leaf(site, alice.nodeId);
  const place = (name: string, text: string) => writeFile(join(dir.path, name), text, { mode: 0o600 });
  await place('ca.pem', `subject=Example Ltd\n${encodePem('CERTIFICATE', ca.certificateDer)}`);
  await place('node.key', keyPem(member.key));
  const chain = [member, site, ca].map(({ certificateDer }) => certificateDer);
  await place('node.pem', encodePem('CERTIFICATE', ...chain));
  const membership = await loadMembership(dir.path, alice.nodeId, clock);
  expect(membership).toMatchObject({ domain: 'Example Ltd', canInvite: false });
  expect(membership?.chainDer).toHaveLength(2);
  await place('node.pem', encodePem('CERTIFICATE', ...chain.reverse()));
  await expect(loadMembership(dir.path, alice.nodeId, clock)).rejects.toMatchObject({ code: 'E_DOMAIN' });
});

test('leaving ends the membership, keeps the CA where it was made, and joining again works', async () => {
  await using world = await twoMembers();
  expect(await leaveDomain(world.b)).toBe(true);
  expect(await leaveDomain(world.b)).toBe(false);
  expect(await readdir(world.b)).toEqual([]);
  expect(await loadMembership(world.b, bob.nodeId, world.clock)).toBeNull();
  expect((await joinDomain(world.b, world.invite.token, bob, world.clock)).domain).toBe('office');

  await leaveDomain(world.a);
  expect((await readdir(world.a)).sort()).toEqual(['ca.key', 'ca.pem']);
  await expect(createDomain(world.a, 'another', alice, world.clock)).rejects.toMatchObject({ code: 'E_DOMAIN' });
  const again = await createDomain(world.a, 'office', alice, world.clock);
  expect(again.caPem).toBe(world.made.caPem);
});

test('joining again renews the certificate and keeps the key', async () => {
  await using world = await twoMembers();
  const later = new ManualClock(NOW_MS + YEAR_MS / 2);
  const { token } = await createInvite(world.a, later);
  const renewed = await joinDomain(world.b, token, bob, later);
  expect(renewed.notAfterMs).toBe(later.wallMs() + YEAR_MS);
  expect(renewed.keyPem).toBe(world.joined.keyPem);
});

test('a node is revoked by its id, whatever certificate it shows', async () => {
  await using world = await twoMembers();
  await revoke(world.a, bob.nodeId, world.clock);
  await revoke(world.a, bob.nodeId, world.clock);
  const { trust } = (await loadMembership(world.a, alice.nodeId, world.clock)) ?? world.made;
  const again = await joinDomain(world.b, (await createInvite(world.a, world.clock)).token, bob, world.clock);
  for (const chain of [world.joined.chainDer, again.chainDer]) {
    expect(() => verifyMembershipChain(chain, trust, bob.nodeId, NOW_MS)).toThrow(
      expect.objectContaining({ code: 'E_CERTIFICATE', details: expect.objectContaining({ reason: 'revoked' }) }),
    );
  }
});

test('revoking an enrolment CA ends all who joined by its token, and nobody else', async () => {
  await using world = await twoMembers();
  const second = await createInvite(world.a, world.clock);
  const third = await joinDomain(join(world.dir.path, 'c'), second.token, carol, world.clock);
  await revoke(world.a, world.invite.serial.toUpperCase(), world.clock);
  const { trust } = (await loadMembership(world.a, alice.nodeId, world.clock)) ?? world.made;
  expect(() => verifyMembershipChain(world.joined.chainDer, trust, null, NOW_MS)).toThrow(/revoked/);
  expect(verifyMembershipChain(third.chainDer, trust, null, NOW_MS).nodeId).toBe(carol.nodeId);
});

test('a revocation list placed before joining is kept, and stops a revoked token', async () => {
  await using world = await twoMembers();
  await revoke(world.a, world.invite.serial, world.clock);
  await leaveDomain(world.b);
  await writeFile(join(world.b, 'crl.pem'), await readFile(join(world.a, 'crl.pem')));
  await expect(joinDomain(world.b, world.invite.token, bob, world.clock)).rejects.toMatchObject({
    code: 'E_CERTIFICATE',
    details: { reason: 'revoked' },
  });
});

test('only nodes and serial numbers can be revoked, and only with the key of the CA', async () => {
  await using world = await twoMembers();
  for (const target of ['', 'bob', '12D3KooWshort', 'f'.repeat(41)]) {
    await expect(revoke(world.a, target, world.clock)).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
  }
  await expect(revoke(world.b, alice.nodeId, world.clock)).rejects.toMatchObject({ code: 'E_DOMAIN' });
});

test('a directory that a crash left half written is either a member or not, and can be finished', async () => {
  await using world = await twoMembers();
  await rename(join(world.a, 'node.pem'), join(world.a, 'node.pem.tmp'));
  expect(await loadMembership(world.a, alice.nodeId, world.clock)).toBeNull();
  const finished = await createDomain(world.a, 'office', alice, world.clock);
  expect(finished.caPem).toBe(world.made.caPem);
  expect((await readdir(world.a)).sort()).toEqual(['ca.key', 'ca.pem', 'node.key', 'node.pem']);
});

test('what an administrator placed badly is refused with the file at fault', async () => {
  await using world = await twoMembers();
  const load = () => loadMembership(world.b, bob.nodeId, world.clock);
  const good = await readFile(join(world.b, 'node.key'));
  await rm(join(world.b, 'node.key'));
  await expect(load()).rejects.toMatchObject({ code: 'E_DOMAIN', message: expect.stringContaining('node.key') });
  await writeFile(join(world.b, 'node.key'), await readFile(join(world.a, 'node.key')), { mode: 0o600 });
  await expect(load()).rejects.toMatchObject({ code: 'E_DOMAIN', message: expect.stringContaining('node.key') });
  await writeFile(join(world.b, 'node.key'), 'garbage');
  await expect(load()).rejects.toMatchObject({ code: 'E_DOMAIN' });
  await writeFile(join(world.b, 'node.key'), good);
  await writeFile(join(world.b, 'crl.pem'), '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n');
  await expect(load()).rejects.toMatchObject({ code: 'E_CERTIFICATE' });
  await rm(join(world.b, 'crl.pem'));
  await expect(loadMembership(world.b, carol.nodeId, world.clock)).rejects.toMatchObject({
    code: 'E_CERTIFICATE',
    details: { reason: 'wrong-node' },
  });
  await writeFile(join(world.b, 'ca.pem'), `${world.made.caPem}${world.made.caPem}`);
  await expect(load()).rejects.toMatchObject({ code: 'E_DOMAIN', message: expect.stringContaining('ca.pem') });
});

test('a membership that has run out says what to do', async () => {
  await using world = await twoMembers();
  const later = new ManualClock(NOW_MS + YEAR_MS + HOUR_MS);
  await expect(loadMembership(world.b, bob.nodeId, later)).rejects.toMatchObject({
    code: 'E_CERTIFICATE',
    details: { reason: 'expired' },
    hint: expect.stringContaining('token'),
  });
});

test('a membership waits for a clock that was set back a year, and counts again with the right time', async () => {
  await using world = await twoMembers();
  const clock = new ManualClock(NOW_MS - YEAR_MS);
  await expect(loadMembership(world.b, bob.nodeId, clock)).rejects.toMatchObject({
    code: 'E_CERTIFICATE',
    details: { reason: 'not-yet-valid' },
    hint: expect.stringContaining('clock'),
  });
  clock.setWallMs(NOW_MS);
  expect(await loadMembership(world.b, bob.nodeId, clock)).toMatchObject({ nodeId: bob.nodeId });
});

test('names of domains are bounded', async () => {
  await using dir = await tempDir();
  for (const name of ['', ' x', 'a\nb', 'a/b', 'x'.repeat(65)]) {
    await expect(createDomain(dir.path, name, alice, new ManualClock(NOW_MS))).rejects.toMatchObject({
      code: 'E_INVALID_ARGUMENT',
    });
  }
  expect((await createDomain(dir.path, 'Büro 3, Haus B'.replace(',', ''), alice, new ManualClock(NOW_MS))).domain).toBe(
    'Büro 3 Haus B',
  );
});
