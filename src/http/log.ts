// The log of a server: one JSON object for each line, on standard error. No line has a secret, a
// character that a terminal obeys, or the fields of a library's error, which may hold what was sent
// to it. docs/guide/operations.md describes the fields.

import { type FastifyServerOptions, LogController } from 'fastify';
import { AppError } from '../domain/error.ts';
import { redact } from '../lib/redact.ts';
import { visible } from '../lib/visible.ts';

/** So many causes of an error are written down. */
const causesMax = 8;

export interface LogOptions {
  level: string;
  /** Secrets of this server that have no form of their own, such as the password of a database. */
  secrets?: readonly string[];
  /** Takes a line with its newline. Default: standard error. */
  write?: (line: string) => void;
}

const toStandardError = (line: string) => void process.stderr.write(line);

/** The options of Fastify for its log. */
export const logOptions = ({
  level,
  secrets = [],
  write = toStandardError,
}: LogOptions): Pick<FastifyServerOptions, 'logger' | 'logController'> => ({
  logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request' }),
  logger: {
    level,
    formatters: { level: (label) => ({ level: label }) },
    // Fastify would write the address and the headers of a request that its own code fails on.
    serializers: {
      err: errorFields,
      error: errorFields,
      req: () => ({}),
      res: () => ({}),
    },
    stream: {
      write: (line) => write(`${visible(JSON.stringify(redact(JSON.parse(line), secrets)))}\n`),
    },
  },
});

type ErrorFields = {
  type: string;
  message: string;
  stack: string;
  code?: string;
  detail?: string;
  cause?: ErrorFields;
};

/** The fields of an error, and of its causes. */
function errorFields(error: unknown, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error), stack: '' };
  const { code } = error as { code?: unknown };
  const detail = error instanceof AppError ? error.detail : undefined;
  const hasCause = error.cause !== undefined && depth < causesMax;
  return {
    type: error.name,
    message: error.message,
    stack: error.stack ?? '',
    ...(typeof code === 'string' && { code }),
    ...(detail !== undefined && { detail }),
    ...(hasCause && { cause: errorFields(error.cause, depth + 1) }),
  };
}
