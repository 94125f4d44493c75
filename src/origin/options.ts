/** How the node talks to origins; every limit has a default. */
export interface OriginOptions {
  /** Time for name, connection, proxy and TLS together, in ms. */
  readonly connectTimeoutMs: number;
  /** Time from the request to the headers of the answer, in ms. */
  readonly headersTimeoutMs: number;
  /** Longest silence between two chunks of a body, in ms; time the receiver holds back does not count. */
  readonly stallTimeoutMs: number;
  /** Least rate, in bytes a second, averaged over `rateWindowMs`; 0 allows any. */
  readonly minBytesPerSecond: number;
  /** Over how long the rate is averaged, in ms; time the receiver holds back does not count. */
  readonly rateWindowMs: number;
  /** How many redirects are followed for one request, 0 to 50. */
  readonly maxRedirects: number;
  /** Larger files are refused, in bytes. */
  readonly maxFileBytes: number;
  /** `environment` obeys http_proxy, https_proxy and no_proxy; `none` always connects directly; a URL is one proxy for all. */
  readonly proxy: string;
  /** Certificates (PEM) trusted beside those Node brings, or null. */
  readonly extraCaPem: string | null;
  /** Lists of revoked certificates (PEM CRLs), for jobs that check revocation; one for each authority of a chain. Null: none. */
  readonly crlPem: string | null;
  /** What the node calls itself to origins. */
  readonly userAgent: string;
}

/** Values for everything that is not chosen. BITS allows 5 minutes for a request and for its answer (BUP 3.6.2); ours are shorter because a failed range is simply asked again. */
export const defaultOriginOptions: OriginOptions = {
  connectTimeoutMs: 15_000,
  headersTimeoutMs: 60_000,
  stallTimeoutMs: 30_000,
  minBytesPerSecond: 256,
  rateWindowMs: 60_000,
  maxRedirects: 10,
  maxFileBytes: Number.MAX_SAFE_INTEGER,
  proxy: 'environment',
  extraCaPem: null,
  crlPem: null,
  userAgent: 'nearbits',
};
