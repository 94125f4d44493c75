// Compiles src/ to dist/ for the package, and copies the generated protobuf code beside it.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit', shell: process.platform === 'win32' });
cpSync('src/gen', 'dist/gen', { recursive: true });
