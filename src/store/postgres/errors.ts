// Translates errors of PostgreSQL and of the connection to it into errors for callers.

import { AbortedTransactionError } from 'kysely';
import { AppError } from '../../domain/error.ts';

/** The SQLSTATE of an error of PostgreSQL, five characters; undefined for any other error. */
export function stateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' ? code : undefined;
}

const connectionLost = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'],
  ...['EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT'],
]);
/** The driver gives these errors no code. */
const driverSays =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|The server closed|Connection ended)/i;

/** Whether the driver has waited in vain for the answer to a statement. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout';

/** Whether the connection failed, so that it is not known how far the server came. */
export function isConnectionLost(error: unknown): boolean {
  const state = stateOf(error);
  if (state !== undefined) return state.startsWith('08') || state.startsWith('57P');
  const { code, message, errors } = (error ?? {}) as {
    code?: string;
    message?: string;
    errors?: unknown[];
  };
  // A name with several addresses fails with one error for each.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isConnectionLost);
  return connectionLost.has(code ?? '') || driverSays.test(message ?? '') || isUnanswered(error);
}

/**
 * Whether a newer server has changed a table since the statement was prepared, beside this one. The
 * next run prepares it anew.
 */
export const isStalePlan = (error: unknown): boolean =>
  stateOf(error) === '0A000' && /cached plan/.test(String(error));

/** Whether the transaction was undone because of another one, so that another run may succeed. */
export const isConflict = (error: unknown): boolean =>
  ['40001', '40P01', '55P03'].includes(stateOf(error) ?? '') || isStalePlan(error);

/**
 * Whether a rule of the schema was broken, such as that of a unique key. It may be the form in
 * which a conflict shows: of two transactions that add the same key, the second finds the row of
 * the first only when it is run again.
 */
export const isBroken = (error: unknown): boolean => stateOf(error)?.startsWith('23') === true;

/** Messages by SQLSTATE, or by its class, for errors that may pass or that an operator can mend. */
const passing: Record<string, string> = {
  '40': 'The store is busy; nothing was changed. Try again.',
  '55P03': 'The store is busy; nothing was changed. Try again.',
  '57014': 'The database took too long; nothing was changed. Try again later.',
  '53100': 'The disk of the database is full; nothing was changed. Free some space and try again.',
  '53200': 'The database has no memory left; nothing was changed. Try again later.',
  '53300':
    'The database takes no more connections; nothing was changed. Raise its max_connections, or run fewer servers on it.',
  '53': 'The database has too few resources; nothing was changed. Try again later.',
  '25006':
    'The database takes no changes, as a standby does; nothing was changed. Give the address of the primary with --database-url.',
  '28': 'The database refuses this user or password. Give others with SILVERSMITH_DATABASE_URL.',
  '3D000': 'The database does not exist. Create it: createdb --template=template0 NAME',
  '42501':
    'The user of the database may not do this; nothing was changed. Make that user the owner of the database.',
  '58': 'The disk of the database failed, so this is not acknowledged. Look at that disk, and try again.',
  XX001: 'The database is damaged. Nothing was changed. Look at its disk, and restore a backup.',
  XX002: 'The database is damaged. Nothing was changed. Look at its disk, and restore a backup.',
};

function unreachable(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  const why = typeof code === 'string' ? ` (${code})` : '';
  return `The database cannot be reached${why}; nothing was changed. Try again later.`;
}

/** The AppError for an error that may pass or be mended; null for every other error. */
export function passingError(error: unknown): AppError | null {
  const state = stateOf(error) ?? '';
  const message = isConnectionLost(error)
    ? unreachable(error)
    : (passing[state] ?? passing[state.slice(0, 2)]);
  if (message === undefined) return null;
  return new AppError('unavailable', message, {
    detail: String(error),
    cause: error,
    retry: 'later',
  });
}

/** Errors of TLS and of its files, which no retry mends; null for every other error. */
function setupError(error: unknown): AppError | null {
  const { code = '', message = '', syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  const refuse = (says: string) => new AppError('unavailable', says, { cause: error });
  if (syscall === 'open')
    return refuse(
      `The file ${path} in the address of the database cannot be read (${code}). Check sslrootcert, sslcert and sslkey, and that this user may read them.`,
    );
  if (/does not support SSL/.test(message))
    return refuse(
      'The database does not speak TLS. Turn ssl on in its postgresql.conf; or, on a network that is safe, give sslmode=disable in --database-url.',
    );
  return /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/.test(code)
    ? refuse(
        `The connection to the database is not trusted: ${message}. Give the certificate of its authority with sslrootcert=FILE in --database-url.`,
      )
    : null;
}

/** Runs something, and turns PostgreSQL's errors into AppErrors; other errors pass as they are. */
export async function translated<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const known = setupError(error) ?? passingError(error);
    if (known) throw known;
    // Kysely's error for a commit that PostgreSQL answered with a rollback: a statement had failed.
    const isAborted = error instanceof AbortedTransactionError;
    if (stateOf(error) === undefined && !isAborted) throw error;
    const detail = String(error);
    // What nobody foresaw may pass, such as what a crash of the database leaves behind for a
    // moment.
    throw new AppError('internal', 'The store failed; nothing was changed.', {
      ...{ detail, cause: error },
      retry: 'later',
    });
  }
}
