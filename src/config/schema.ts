import { z } from 'zod';
import { LOG_LEVELS } from '../observe/log.ts';
import { choice, count, duration, flag, port, rate, size } from './keys.ts';
import { address, cacheSize, interfaces, path, paths, proxy, serveRate, staticPeers } from './special-keys.ts';

/**
 * All keys of nearbits.yaml and policy.yaml, which have the same form. Every
 * key may be left out. Names say what a person means; units are part of the
 * values. The numbers are those of BITS 3.0 where it has such a limit.
 */

const peers = z.strictObject({
  enabled: flag({
    default: true,
    about:
      'Whether this node takes part in peer caching at all. Without membership in a domain nothing is opened or sent, whatever is written here.',
  }),
  client: flag({ default: true, about: 'Whether files may be fetched from neighbours.' }),
  server: flag({ default: true, about: 'Whether neighbours may fetch what this node holds.' }),
});

const listen = z.strictObject({
  host: address({
    default: '0.0.0.0',
    about: 'Address on which neighbours reach this node; 0.0.0.0 means all IPv4 addresses, :: all addresses.',
  }),
  peerPort: port({ default: 21_780, about: 'TCP port for authentication and search (libp2p).' }),
  contentPort: port({ default: 21_781, about: 'TCP port from which content is served (HTTPS).' }),
});

const discovery = z.strictObject({
  enabled: flag({
    default: true,
    about:
      'Whether neighbours are looked for with datagrams and mDNS. When off, no discovery socket is opened and only discovery.static counts.',
  }),
  port: port({ default: 21_782, about: 'UDP port of the discovery datagrams; the same on all nodes of a domain.' }),
  mdns: flag({ default: true, about: 'Whether mDNS is used beside broadcast datagrams.' }),
  broadcast: flag({
    default: true,
    about: 'Whether datagrams are sent to the broadcast address of each chosen subnet.',
  }),
  interfaces: interfaces({
    about: 'Network interfaces whose subnets are searched. `all` leaves out loopback; name it to use it.',
  }),
  static: staticPeers({ about: 'Neighbours named by hand, for networks that drop broadcast and multicast.' }),
});

const patience = z.strictObject({
  foreground: duration({
    default: '500ms',
    min: '0',
    max: '1min',
    about: 'How long a foreground transfer waits for neighbours before it starts at the origin.',
  }),
  background: duration({
    default: '3s',
    min: '0',
    max: '5min',
    about: 'How long a background transfer waits for neighbours before it starts at the origin.',
  }),
});

const search = z.strictObject({
  peers: count({
    default: 10,
    min: 1,
    max: 100,
    about: 'How many neighbours one search asks, chosen at random, authenticated ones first.',
  }),
  peerTimeout: duration({
    default: '15s',
    min: '100ms',
    max: '2min',
    about: 'How long one neighbour may take to answer.',
  }),
  timeout: duration({ default: '60s', min: '100ms', max: '10min', about: 'How long one search may take in all.' }),
  patience: patience.partial().describe('How long transfers wait for neighbours.'),
  whenOriginDown: choice({
    words: ['never', 'digest', 'newest'],
    default: 'newest',
    about:
      'What neighbours may deliver while the origin does not answer: nothing, only files asked for with a SHA-256, or also the newest version a neighbour holds.',
  }),
});

const cache = z.strictObject({
  directory: path({
    usual: 'a directory inside the data directory',
    about: 'Where cached content lies. Read when the node starts.',
  }),
  maxSize: cacheSize({
    default: '1%',
    about: 'The most the cache may hold; a percentage counts from the size of its disk.',
  }),
  maxAge: duration({
    default: '90d',
    min: '1d',
    max: '120d',
    about: 'Records that nobody used for this long are removed.',
  }),
  minFree: size({
    default: '1GiB',
    min: '0',
    max: '1024TiB',
    about: 'Room that is left free on the disk, whatever cache.maxSize allows.',
  }),
});

const serve = z.strictObject({
  clients: count({
    default: 3,
    min: 1,
    max: 1000,
    unit: 'neighbours',
    about: 'How many neighbours are served at the same time.',
  }),
  bandwidth: serveRate({ default: '1MiB/s', about: 'How fast content is served to all neighbours together.' }),
  wait: duration({
    default: '2s',
    min: '0',
    max: '1min',
    about: 'How long a neighbour waits for a free place before it is told to come back later.',
  }),
});

const swarm = z.strictObject({
  enabled: flag({
    default: true,
    about:
      'Whether neighbours that want the same file at the same time fetch it together, each byte once from the origin.',
  }),
  minSize: size({
    default: '1MiB',
    min: '64KiB',
    max: '1024TiB',
    about: 'Smaller files are not fetched together: finding each other would take longer than fetching them.',
  }),
  bandwidth: serveRate({
    default: '32MiB/s',
    about:
      'How fast pieces are given to all neighbours that fetch the same file now, beside serve.bandwidth. Everyone receives as much as he gives, so a swarm at 1MiB/s is as slow as that; twice the rate of the link to the origin is enough.',
  }),
  clients: count({
    default: 32,
    min: 1,
    max: 1000,
    unit: 'neighbours',
    about:
      'How many neighbours get pieces at the same time. More than serve.clients, because pieces are short answers to many, and links would idle while neighbours wait for places.',
  }),
  requests: count({
    default: 8,
    min: 1,
    max: 64,
    unit: 'requests',
    about:
      'How many requests for pieces are answered at once; the others hear that the node is busy. It bounds memory, and half of it stays free while a foreground job of the user fetches something else.',
  }),
  stallTimeout: duration({
    default: '10s',
    min: '3s',
    max: '10min',
    about:
      'How long no byte may come from the origin to anybody before this node fetches for itself what it misses; up to twice that, so that not all do so at once. A neighbour that dies is replaced within two seconds, without this.',
  }),
  patience: duration({
    default: '30min',
    min: '10s',
    max: '7d',
    about:
      'How long this node itself may get nothing while others fetch, before it fetches for itself what it misses; up to twice that.',
  }),
});

const origin = z.strictObject({
  connectTimeout: duration({
    default: '15s',
    min: '100ms',
    max: '5min',
    about: 'Time for name, connection, proxy and TLS together.',
  }),
  headersTimeout: duration({
    default: '60s',
    min: '100ms',
    max: '10min',
    about: 'Time from the request to the headers of the answer.',
  }),
  stallTimeout: duration({ default: '30s', min: '100ms', max: '10min', about: 'Longest silence inside an answer.' }),
  minRate: rate({
    default: '256B/s',
    min: '0',
    max: '1GiB/s',
    about: 'Slower origins count as failing; 0 accepts any.',
  }),
  maxRedirects: count({ default: 10, min: 0, max: 50, about: 'How many redirects are followed for one request.' }),
  retries: count({
    default: 5,
    min: 0,
    max: 100,
    about: 'How often an origin may fail in a row, without a new byte, before the transfer fails.',
  }),
  proxy: proxy({
    about:
      'How origins are reached: `environment` obeys http_proxy, https_proxy and no_proxy, `none` connects directly, a URL names one proxy for all.',
  }),
  caFile: path({
    usual: 'the authorities Node.js brings',
    about: 'PEM file with further certificate authorities to trust at origins.',
  }),
  crlFile: path({
    usual: 'none',
    about:
      'PEM file with the revocation lists of the authorities of origins; jobs that ask for the check of revocation need it.',
  }),
});

/** What a network costs, with the words of BITS (BITS_COST_STATE_*) in the order of its bits. */
export const NETWORK_COSTS = [
  'unrestricted',
  'capped',
  'below-cap',
  'near-cap',
  'over-cap-charged',
  'over-cap-throttled',
  'usage-based',
  'roaming',
] as const;
/** One of {@link NETWORK_COSTS}. */
export type NetworkCost = (typeof NETWORK_COSTS)[number];

const jobs = z.strictObject({
  maxPerMachine: count({
    default: 300,
    min: 1,
    max: 1_000_000,
    about: 'How many jobs the node keeps for all users together; administrators are exempt.',
  }),
  maxPerUser: count({
    default: 60,
    min: 1,
    max: 1_000_000,
    about: 'How many jobs one user may have; administrators are exempt.',
  }),
  maxFilesPerJob: count({
    default: 200,
    min: 1,
    max: 100_000,
    about: 'How many files one job may have; administrators are exempt.',
  }),
  maxRangesPerFile: count({
    default: 500,
    min: 1,
    max: 100_000,
    about: 'How many ranges one file of a job may have; administrators are exempt.',
  }),
  inactivityTimeout: duration({
    default: '90d',
    min: '1d',
    max: '999d',
    about: 'A job that nobody changed and that received nothing for this long is cancelled.',
  }),
  maxDownloadTime: duration({
    default: '90d',
    min: '1s',
    max: '24855d',
    about:
      'How long a job may spend connecting and transferring in all, unless it says so itself; then it is in error. Administrators are exempt.',
  }),
  timeSlice: duration({
    default: '30s',
    min: '1s',
    max: '1h',
    about:
      'How long a background job runs while others of the same priority wait; then the next one has its turn. BITS publishes no number for this.',
  }),
  notifyPrograms: paths({
    about:
      'Programs that jobs may start when they are transferred or in error. None unless they are named here, because such a command is a way to run something in the name of others.',
  }),
  networkCost: choice({
    words: NETWORK_COSTS,
    default: 'unrestricted',
    about:
      'What the network costs at present; the node cannot find out by itself, so an administrator or a script writes it here. Jobs whose cost flags forbid it wait.',
  }),
});

const tcp = z.strictObject({
  enabled: flag({ default: false, about: 'Whether the local API is reachable over TCP too, with a bearer token.' }),
  host: address({
    default: '127.0.0.1',
    about: 'Address of the API over TCP. It is plain HTTP: keep it on loopback or behind TLS.',
  }),
  port: port({ default: 21_783, about: 'TCP port of the API.' }),
  tokenFile: path({
    usual: 'api.token inside the data directory',
    about: 'File that holds the bearer token; made at the first start when it is missing.',
  }),
});

const api = z.strictObject({
  tcp: tcp.partial().describe('The local API over TCP; these keys are read when the node starts.'),
});

const log = z.strictObject({
  level: choice({ words: LOG_LEVELS, default: 'info', about: 'How much is written to standard error.' }),
});

/** Both files: every section and every key may be missing, no other may be there. */
export const ConfigSchema = z
  .strictObject({
    peers: peers
      .partial()
      .describe('The three switches of peer caching; they only tell what is allowed, each transfer can ask for less.'),
    listen: listen.partial().describe('Where neighbours reach this node.'),
    discovery: discovery.partial().describe('How neighbours are found.'),
    search: search.partial().describe('How neighbours are asked.'),
    cache: cache.partial().describe('What is kept, and for how long.'),
    serve: serve.partial().describe('What neighbours may draw from this node.'),
    swarm: swarm.partial().describe('How neighbours that want the same file fetch it together.'),
    origin: origin.partial().describe('How origins are treated.'),
    jobs: jobs.partial().describe('What users may ask of the job service, and how jobs take turns.'),
    api: api
      .partial()
      .describe(
        'How programs on this machine reach the node; its socket is named with NEARBITS_SOCKET, because programs have to find it before they read anything.',
      ),
    log: log.partial().describe('What the node writes about itself.'),
  })
  .partial();

/** Preferences as a program may hand them over: the same names and forms as in nearbits.yaml. */
export type ConfigInput = z.input<typeof ConfigSchema>;

type Complete<T> = T extends readonly unknown[] | string | number | boolean | null
  ? T
  : T extends { kind: string }
    ? T
    : { readonly [Key in keyof T]-?: Complete<Exclude<T[Key], undefined>> };

/** All keys with their parsed values, under their names in the file. */
export type Settings = Complete<z.output<typeof ConfigSchema>>;
