// webtorrent for bench/rivals.ts, with the arguments and answers of run-libtorrent.py beside it. NEARBITS_BENCH_WEBTORRENT names
// the folder it is installed in: it is no dependency of this project.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, cpuUsage, env, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';

const [role, torrentPath, path, port] = argv.slice(2);
const { default: WebTorrent } = await import(pathToFileURL(join(env.NEARBITS_BENCH_WEBTORRENT, 'index.js')).href);
const client = new WebTorrent({
  dht: false,
  tracker: false,
  lsd: false,
  utp: false,
  natUpnp: false,
  natPmp: false,
  torrentPort: role === 'seed' ? Number(port) : 0,
});
const beganMs = performance.now();
const torrent = client.add(readFileSync(torrentPath), { path });
torrent.once('ready', () => role === 'fetch' && torrent.addPeer(`127.0.0.1:${port}`));
torrent.once('done', () => {
  const { user, system } = cpuUsage();
  stdout.write(
    `${JSON.stringify({ seconds: (performance.now() - beganMs) / 1000, cpuSeconds: (user + system) / 1e6 })}\n`,
  );
  if (role === 'fetch') client.destroy();
});
