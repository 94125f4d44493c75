import { expect, it } from 'vitest';
import { digestInUrl } from '../../../src/content/url-digest.ts';

const HEX = '0123456789abcdef'.repeat(4);

it.each([
  `https://registry.example.org/v2/library/debian/blobs/sha256:${HEX}`,
  `https://registry.example.org/v2/debian/blobs/sha256:${HEX}?ns=docker.io`,
  `http://deb.example.org/debian/dists/stable/main/binary-amd64/by-hash/SHA256/${HEX}`,
])('%s promises its digest', (url) => {
  expect(Buffer.from(digestInUrl(url) ?? []).toString('hex')).toBe(HEX);
});

it.each([
  `https://registry.example.org/v2/debian/manifests/sha256:${HEX}`,
  `https://registry.example.org/v2/debian/blobs/sha512:${HEX}`,
  `https://registry.example.org/v2/debian/blobs/sha256:${HEX}0`,
  `https://registry.example.org/v2/debian/blobs/sha256:${HEX.toUpperCase()}`,
  `https://registry.example.org/mirror/v2/debian/blobs/sha256:${HEX}`,
  `https://registry.example.org/v2/blobs/sha256:${HEX}`,
  `http://deb.example.org/by-hash/MD5Sum/${HEX}`,
  `http://deb.example.org/by-hash/SHA256/${HEX}/more`,
  `http://deb.example.org/file?by-hash/SHA256/${HEX}`,
  `http://deb.example.org/file#/by-hash/SHA256/${HEX}`,
  'no URL',
])('%s promises nothing', (url) => {
  expect(digestInUrl(url)).toBeNull();
});
