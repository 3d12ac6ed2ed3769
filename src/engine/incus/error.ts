// Errors of Incus, as errors of Silversmith. Incus's own words are for the operator: they go into
// the detail, and decide what the caller reads.

import { AppError, type ErrorCode, failedForNow } from '../../domain/error.ts';

const saidCharsMax = 500;

/** An error that Incus answered with, in an answer or as the end of an operation. */
export class IncusRefusal extends AppError {
  /** The status of the answer; 400 for most operations that failed. */
  readonly status: number;
  readonly said: string;

  constructor(
    status: number,
    said: string,
    what: string,
    [code, message, retry]: readonly [ErrorCode, string, 'later' | 'never'],
  ) {
    super(code, message, { detail: `${what}: ${status} ${said}`, retry });
    this.status = status;
    this.said = said;
  }
}

type Kind = readonly [ErrorCode, string, 'later' | 'never'];

const kinds: readonly [pattern: RegExp, kind: Kind][] = [
  [
    /no space left on device|disk quota exceeded|not enough space|out of space/i,
    [
      'unavailable',
      'The storage of the cluster is full. Free some space in its pool, then try again.',
      'later',
    ],
  ],
  [
    /no suitable cluster member|couldn't find a cluster member|no members? (?:available|online)|cannot allocate memory|out of memory/i,
    [
      'no_capacity',
      'No member of the cluster can take it now; try again later, or ask the operator.',
      'later',
    ],
  ],
  [
    /is busy running|busy running a|currently in use|operation .*already running|is being (?:created|deleted)/i,
    ['unavailable', 'The cluster still works on this; it is tried again.', 'later'],
  ],
  [
    /failed to connect to|connection refused|no route to host|i\/o timeout|context deadline exceeded|not currently online|is offline|no leader|database is locked|failed to (?:begin|commit) transaction|driver: bad connection|missing event connection|server isn't ready|unable to connect to|no available cowsql leader|raft cluster is unavailable|unexpected eof|is evacuated/i,
    [
      'unavailable',
      'A member of the cluster does not answer. It is tried again; look at: incus cluster list',
      'later',
    ],
  ],
  [
    /instance is not running|instance is already stopped/i,
    [
      'unavailable',
      'The cluster has switched this off, or moves it to another member. It is tried again.',
      'later',
    ],
  ],
  [
    /not authorized|forbidden|certificate is restricted|permission/i,
    [
      'unavailable',
      'Incus does not allow this server to do that. Trust its certificate (incus config trust add-certificate), and let it use the project.',
      'later',
    ],
  ],
];

/** The error for an answer or an operation that failed; `what` says what was asked. */
export function refusalOf(status: number, said: string, what: string): IncusRefusal {
  const words = said.slice(0, saidCharsMax);
  const known = kinds.find(([pattern]) => pattern.test(words))?.[1];
  if (known) return new IncusRefusal(status, words, what, known);
  if (status === 401 || status === 403)
    return new IncusRefusal(status, words, what, kinds.at(-1)?.[1] as Kind);
  if (status >= 500)
    return new IncusRefusal(status, words, what, [
      'unavailable',
      'Incus failed; it is tried again, and the log has its reason.',
      'later',
    ]);
  return new IncusRefusal(status, words, what, [
    'internal',
    'Incus refused this; the log of the server has its reason.',
    'never',
  ]);
}

const hasStatus = (status: number) => (error: unknown) =>
  error instanceof IncusRefusal && error.status === status;

export const isMissing = hasStatus(404);
/** Whether the object was changed since it was read. */
export const isChanged = hasStatus(412);
export const isExisting = (error: unknown) =>
  error instanceof IncusRefusal &&
  (error.status === 409 || /already exists|unique constraint failed/i.test(error.said));

/** The reasons why no connection is made, with what to do. */
export function connectionFault(endpoint: string, isTls: boolean, error: unknown): AppError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const detail = `${endpoint}: ${message}`;
  const say = (text: string) => failedForNow(text, { detail, cause: error });
  if (!isTls && code === 'ENOENT')
    return say(
      `There is no Incus at ${endpoint}. Start it, or give its socket or address with --incus-url.`,
    );
  if (!isTls && (code === 'EACCES' || code === 'EPERM'))
    return say(
      `This server may not use ${endpoint}. Add its user to the group incus-admin, and start it again.`,
    );
  if (/SELF_SIGNED|UNABLE_TO|CERT_|ERR_TLS_CERT|DEPTH_ZERO/.test(code))
    return say(
      `The certificate of the Incus server at ${endpoint} is not the one that is trusted (${code}). Give its certificate with --incus-server-certificate: on the server it is server.crt, or cluster.crt in a cluster.`,
    );
  if (/^ERR_(?:OSSL|SSL)|^EPROTO/.test(code))
    return say(
      `The TLS connection to Incus at ${endpoint} failed (${code}). Is it the port of its API, and do the client certificate and its key belong together?`,
    );
  return say(`Incus at ${endpoint} does not answer (${code || message}). It is asked again.`);
}
