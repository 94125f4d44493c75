import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineLayers } from '../../../src/config/effective.ts';
import { CONFIG_KEYS } from '../../../src/config/key-list.ts';
import { emptyLayer, layerFromTree } from '../../../src/config/layer.ts';
import { printProblem } from '../../../src/config/problem.ts';
import { parseConfigText } from '../../../src/config/read-file.ts';
import { maxCacheBytes } from '../../../src/config/special-keys.ts';

const problemsOf = (text: string): string[] => parseConfigText(text, 'nearbits.yaml').problems.map(printProblem);

describe('a configuration file', () => {
  it('may be empty, or have sections without keys', () => {
    expect(problemsOf('')).toEqual([]);
    expect(problemsOf('# nothing\n')).toEqual([]);
    expect(problemsOf('cache:\n  # maxSize: 2%\nsearch:\n  patience:\n')).toEqual([]);
  });

  it('names file, line and the nearest key for an unknown one', () => {
    expect(problemsOf('search:\n  peerTimeot: 15s\n')).toEqual([
      'nearbits.yaml:2: there is no key search.peerTimeot; did you mean search.peerTimeout?',
    ]);
    expect(problemsOf('maxAge: 3d\n')).toEqual(['nearbits.yaml:1: there is no key maxAge; did you mean cache.maxAge?']);
    expect(problemsOf('xyzzy: 3d\n')).toEqual(['nearbits.yaml:1: there is no key xyzzy']);
  });

  it('names file, line, key, value and what is allowed for a bad value', () => {
    expect(problemsOf('cache:\n  maxAge: 400d\n')).toEqual([
      'nearbits.yaml:2: cache.maxAge: "400d" is out of range (allowed: 1d to 120d)',
    ]);
    expect(problemsOf('search:\n  timeout: 60\n')).toEqual([
      'nearbits.yaml:2: search.timeout: 60 needs a unit: ms, s, min, h or d (allowed: 100ms to 10min)',
    ]);
    expect(problemsOf('search:\n  timeout: 60 GiB\n')[0]).toContain('"60 GiB" is not a number with its unit');
    expect(problemsOf('serve:\n  clients: 0\n')).toEqual([
      'nearbits.yaml:2: serve.clients: 0 is out of range (allowed: 1 to 1000)',
    ]);
    expect(problemsOf('peers:\n  server: maybe\n')).toEqual([
      'nearbits.yaml:2: peers.server: "maybe" is not allowed (allowed: true or false)',
    ]);
  });

  it('does not take zero for "unlimited"', () => {
    expect(problemsOf('serve:\n  bandwidth: 0\n')[0]).toContain('write unlimited for no limit, or peers.server: false');
    expect(problemsOf('serve:\n  bandwidth: 0B/s\n')[0]).toContain('write unlimited');
    expect(problemsOf('serve:\n  bandwidth: unlimited\n')).toEqual([]);
  });

  it('takes programs that jobs may start by their absolute paths only', () => {
    expect(problemsOf('jobs:\n  notifyPrograms: [/usr/bin/notify, /opt/told.sh]\n')).toEqual([]);
    expect(problemsOf('jobs:\n  notifyPrograms: []\n')).toEqual([]);
    expect(problemsOf('jobs:\n  notifyPrograms: [notify]\n')[0]).toContain(
      'holds "notify", which is not an absolute path',
    );
    expect(problemsOf('jobs:\n  notifyPrograms: [/bin/a, 7]\n')[0]).toContain('holds 7');
    expect(problemsOf('jobs:\n  notifyPrograms: /bin/a\n')[0]).toContain('is not a list');
    expect(problemsOf(`jobs:\n  notifyPrograms: [/${'a'.repeat(260)}]\n`)).toHaveLength(1);
  });

  it('keeps the limits of jobs within their bounds', () => {
    expect(problemsOf('jobs:\n  maxPerUser: 0\n')[0]).toContain('allowed: 1 to 1000000');
    expect(problemsOf('jobs:\n  maxDownloadTime: 24856d\n')[0]).toContain('allowed: 1s to 24855d');
    expect(problemsOf('jobs:\n  inactivityTimeout: 23h\n')[0]).toContain('allowed: 1d to 999d');
    expect(problemsOf('jobs:\n  networkCost: cheap\n')[0]).toContain('over-cap-throttled');
    expect(problemsOf('jobs:\n  networkCost: roaming\n  timeSlice: 5s\n')).toEqual([]);
  });

  it('keeps the limits of swarms within their bounds', () => {
    expect(problemsOf('swarm:\n  minSize: 63KiB\n')[0]).toContain('allowed: 64KiB to 1024TiB');
    expect(problemsOf('swarm:\n  clients: 1001\n')[0]).toContain('allowed: 1 to 1000');
    expect(problemsOf('swarm:\n  requests: 65\n')[0]).toContain('allowed: 1 to 64');
    expect(problemsOf('swarm:\n  bandwidth: 0\n')[0]).toContain('write unlimited');
    expect(problemsOf('swarm:\n  enabled: false\n  bandwidth: unlimited\n  minSize: 64KiB\n')).toEqual([]);
  });

  it('reports all problems at once, in broken YAML too', () => {
    expect(problemsOf('listen:\n  peerPort: 70000\n  host: here\nlog:\n  level: loud\nfoo: 1\n')).toHaveLength(4);
    const lines = problemsOf('lsten:\n  a: 1\nlisten:\n  host: here\n  peerPort: 70000\n').map(
      (text) => text.split(':')[1],
    );
    expect(lines).toEqual(['1', '4', '5']);
    expect(problemsOf('a: 1\na: 2\n')[0]).toMatch(/^nearbits.yaml:2: /);
    expect(problemsOf('search: 5\n')[0]).toContain('search is a section');
    expect(problemsOf('- 1\n')[0]).toContain('the file holds no keys');
  });

  it('stays small when aliases would blow it up', () => {
    const bomb = [
      'a0: &a0 [x]',
      ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`),
    ];
    expect(problemsOf(bomb.join('\n'))).not.toEqual([]);
  });

  it('never throws, whatever the tree', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('cache', 'search', '__proto__', 'x'), fc.jsonValue()), (tree) => {
        expect(Array.isArray(layerFromTree(tree, 'f').problems)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(Array.isArray(parseConfigText(text, 'f').problems)).toBe(true);
      }),
    );
  });

  it('reads static peers with names, IPv4 and IPv6 addresses', () => {
    const id = `12D3KooW${'a'.repeat(44)}`;
    const text = `discovery:\n  static: [pc7.example, "10.0.0.7:9/p2p/${id}", "[fe80::1]:9"]\n`;
    const { config, problems } = combineLayers({
      file: parseConfigText(text, 'f'),
      program: null,
      policy: emptyLayer('p'),
    });
    expect(problems).toEqual([]);
    expect(config.discovery.staticPeers).toEqual([
      { host: 'pc7.example', port: 21_780, nodeId: null },
      { host: '10.0.0.7', port: 9, nodeId: id },
      { host: 'fe80::1', port: 9, nodeId: null },
    ]);
    for (const bad of ['"h:0"', '"h:9/p2p/x"', '"[h]:9"', '"a b"', '7']) {
      expect(problemsOf(`discovery:\n  static: [${bad}]\n`)[0]).toContain('which is not HOST:PORT');
    }
  });
});

describe('combineLayers', () => {
  const combine = (file: string, policy: string, program?: object) =>
    combineLayers({
      file: parseConfigText(file, 'nearbits.yaml'),
      program: program === undefined ? null : layerFromTree(program, 'program'),
      policy: parseConfigText(policy, 'policy.yaml'),
    });

  it('has a valid default for every key', () => {
    const { config, report } = combine('', '');
    expect(report.entries).toHaveLength(CONFIG_KEYS.length);
    expect(report.entries.every((entry) => entry.setBy === 'default')).toBe(true);
    expect(config.cache).toEqual({
      directory: null,
      maxSize: { kind: 'percent', percent: 1 },
      maxAgeMs: 7_776_000_000,
      minFreeBytes: 1_073_741_824,
    });
    expect(config.serve).toEqual({ clients: 3, bytesPerSecond: 1_048_576, waitMs: 2000 });
    expect(config.search.patienceMs).toEqual({ foreground: 500, background: 3000 });
  });

  it('lets the policy win and notes what it overrides', () => {
    const { config, report } = combine('serve:\n  clients: 9\n  wait: 5s\n', 'serve:\n  clients: 2\n  wait: 5000ms\n');
    const entry = (key: string) => report.entries.find((candidate) => candidate.key === key);
    expect(config.serve.clients).toBe(2);
    expect(entry('serve.clients')).toEqual({
      key: 'serve.clients',
      value: 2,
      setBy: 'policy',
      at: { file: 'policy.yaml', line: 2 },
      overridden: { value: 9, at: { file: 'nearbits.yaml', line: 2 } },
    });
    // The same value in both is no conflict (BITS answers "overridden" only when they differ).
    expect(entry('serve.wait')?.overridden).toBeNull();
  });

  it('lets a program win over the file and lose to the policy', () => {
    const { config, report } = combine('serve:\n  clients: 9\nlog:\n  level: warn\n', 'log:\n  level: error\n', {
      serve: { clients: 5 },
      log: { level: 'debug' },
    });
    expect(config.serve.clients).toBe(5);
    expect(config.log.level).toBe('error');
    expect(report.entries.find(({ key }) => key === 'serve.clients')).toMatchObject({
      setBy: 'preference',
      at: { file: 'program', line: null },
    });
  });

  it('gives swarms rates and sizes in bytes', () => {
    const { config } = combine('swarm:\n  minSize: 2MiB\n  clients: 5\n', '');
    expect(config.swarm).toEqual({
      enabled: true,
      minBytes: 2 * 2 ** 20,
      bytesPerSecond: 32 * 2 ** 20,
      clients: 5,
      requests: 8,
      stallTimeoutMs: 10_000,
      patienceMs: 1_800_000,
    });
  });

  it('freezes the result', () => {
    const { config } = combine('', '');
    expect(() => Object.assign(config.search.patienceMs, { foreground: 1 })).toThrow(TypeError);
  });

  it('finds services that want the same port', () => {
    const { problems } = combine('listen:\n  peerPort: 21781\n', '');
    expect(problems.map(printProblem)).toEqual([
      'nearbits.yaml:2: listen.contentPort and listen.peerPort are both 21781; every service needs a port of its own',
    ]);
    expect(combine('listen:\n  peerPort: 0\n  contentPort: 0\n', '').problems).toEqual([]);
  });
});

describe('maxCacheBytes', () => {
  it('takes a share of the disk, and never more than 80 percent', () => {
    expect(maxCacheBytes({ kind: 'percent', percent: 1 }, 1000)).toBe(10);
    expect(maxCacheBytes({ kind: 'bytes', bytes: 900 }, 1000)).toBe(800);
  });
});
