import { expect } from 'vitest';
import type { Download } from './node-machine.ts';
import type { OriginFile } from './origin-machine.ts';

/** The file has arrived whole, and every byte is accounted for. */
export function expectWhole(download: Download, file: OriginFile): void {
  expect(download.fileSha256).toBe(file.sha256);
  expect(download.state).toBe('completed');
  const { bytesFromPeers, bytesFromOrigin, bytesFromCache } = download;
  expect(bytesFromPeers + bytesFromOrigin + bytesFromCache).toBe(file.size);
}

/** The file has arrived whole, and neighbours gave all of it. */
export function expectFromPeers(download: Download, file: OriginFile): void {
  expectWhole(download, file);
  expect(download.bytesFromPeers).toBe(file.size);
}

/** The file has arrived whole, and the origin gave all of it. */
export function expectFromOrigin(download: Download, file: OriginFile): void {
  expectWhole(download, file);
  expect(download.bytesFromOrigin).toBe(file.size);
}
