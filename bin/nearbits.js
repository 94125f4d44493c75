#!/usr/bin/env node
// Starts nearbits: from dist/ when that is as new as src/ (a package has no src/ at all), else straight from src/. Running
// from src/ costs about 25 MiB more memory. This file must run on old versions of Node, so that it can say so, or use
// the newer runtime that `npm ci` put beside it.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const root = fileURLToPath(new URL('..', import.meta.url));
const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const compiled = join(root, 'dist', 'main.js');
const isBuilt = isCurrent(compiled, join(root, 'src'));
// The sources use `await using` as it stands, which Node.js 22 cannot read; the build turns it into older words.
const needed = isBuilt ? engines.node : '>=24.0';

if (isNewEnough(process.versions.node, needed)) await run();
else runWithOwnRuntime();

async function run() {
  // A node idles most of its life: a young generation that does not grow spares some 25 MiB, and costs transfers nothing
  // that could be measured, since their bytes lie outside its heap. The old generation may grow by 40 % before it is gone
  // through: by itself V8 does that after a tenth, every second in a busy swarm, for a quarter of all processor time.
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=40');
  const main = isBuilt ? compiled : join(root, 'src', 'main.ts');
  await (await import(pathToFileURL(main).href)).main();
}

/** Whether the compiled file exists and no source changed since. @param {string} compiled @param {string} sources */
function isCurrent(compiled, sources) {
  if (!existsSync(compiled)) return false;
  if (!existsSync(sources)) return true;
  const builtMs = statSync(compiled).mtimeMs;
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' });
  return files.every((name) => !name.endsWith('.ts') || statSync(join(sources, name)).mtimeMs <= builtMs);
}

/** @param {string} version such as 22.22.1 @param {string} range such as >=22.22 */
function isNewEnough(version, range) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = range.replace('>=', '').split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function runWithOwnRuntime() {
  const runtime = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(runtime)) {
    process.stderr.write(
      `nearbits: Node.js ${process.versions.node} is too old; ${needed} is needed\n` +
        '  next: Install a newer Node.js from https://nodejs.org, or run "npm ci" in a clone, which brings its own.\n',
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(runtime, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // Ctrl+C in a terminal reaches the child by itself; once more would mean "at once".
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
