// Turns whatever was thrown into one sentence that says what is wrong, where, and what to type.
// Ours are sentences already; the system's, SQLite's and the network's are put into words here.
// Anything else is a defect, and says so; SILVERSMITH_DEBUG=1 shows where it is.

import { getSystemErrorMap } from 'node:util';
import { CommanderError } from 'commander';
import type { Terminal } from '../cli/output.ts';
import { UsageError } from '../cli/parse.ts';
import type { Environment } from '../cli/remote/context.ts';
import { inCommands } from '../cli/remote/requests.ts';
import { ApiError, NoAnswerError } from '../client/client.ts';
import { StalledError } from '../client/transfer.ts';
import { AppError } from '../domain/error.ts';
import { CommandError } from '../lib/spawn.ts';
import { resultCodeOf, resultCodes } from '../store/sqlite/errors.ts';

/** What the system refuses about a path, and the cure. */
const pathWords: Record<string, readonly [wrong: string, cure: string]> = {
  ENOENT: ['is not there', 'check the path'],
  EACCES: ['may not be used by this user', 'change its owner or mode, or run as another user'],
  EPERM: ['may not be changed by this user', 'change its owner or mode, or run as another user'],
  ENOSPC: ['lies on a disk that is full', 'free some space and type the command again'],
  EDQUOT: [
    'lies on a disk on which this user may take no more',
    'free some space and type the command again',
  ],
  EROFS: ['lies on a disk that is read-only', 'make it writable, or give another path'],
  EIO: ['lies on a disk that fails', 'look at the log of the kernel (dmesg)'],
  EISDIR: ['is a folder', 'give a file'],
  ENOTDIR: ['lies below a file, which is not a folder', 'check the path'],
  EEXIST: ['is there already', 'give another path'],
  ENOTEMPTY: ['is not empty', 'give another path'],
  ENAMETOOLONG: ['is a name that is too long', 'give a shorter one'],
  ELOOP: ['is a link that leads to itself', 'give another path'],
  EBUSY: ['is in use', 'end what uses it and type the command again'],
  EFBIG: ['would be larger than this user or its disk may have', 'raise the limit (ulimit -f)'],
  EXDEV: ['lies on another disk', 'give a path on the same one'],
};

/** What the network refuses. */
const networkWords: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'the name has no address',
  EAI_AGAIN: 'the name cannot be looked up now',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENETDOWN: 'the network is down',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
  UND_ERR_BODY_TIMEOUT: 'it stopped in the middle of its answer',
  EPROTO: 'it does not speak TLS; give an http address',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; give an http address',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; give an http address',
  EADDRINUSE: 'the port is taken',
  EADDRNOTAVAIL: 'this is not an address of this host',
  EAFNOSUPPORT: 'this host has no addresses of that kind',
  EINVAL: 'this address cannot be listened on',
};

const certificate = /CERT|ISSUER|SELF_SIGNED|ALTNAME/;

const codeOf = (error: unknown): string =>
  String((error as { code?: unknown } | undefined)?.code ?? '');

/** Why a connection failed, in words. The first cause that is known counts. */
export function networkReason(error: unknown): string {
  for (
    let at: unknown = error, depth = 0;
    at !== undefined && depth < 5;
    at = (at as Error).cause, depth++
  ) {
    const code = codeOf(at);
    if (networkWords[code]) return networkWords[code];
    if (certificate.test(code))
      return `its certificate is not trusted (${(at as Error).message}); name its authority in NODE_EXTRA_CA_CERTS`;
    if ((at as Error).message === 'bad port')
      return 'clients refuse that port; serve on another one';
  }
  const { cause, message } = error as Error;
  return (cause as Error | undefined)?.message ?? message;
}

/** What the system refused, as a sentence; null when it is no error of the system's. */
export function systemSentence(error: unknown, place?: string): string | null {
  const code = codeOf(error);
  const { path, syscall, errno } = error as NodeJS.ErrnoException;
  if (code === 'EMFILE' || code === 'ENFILE')
    return 'Too many files are open; raise the limit (ulimit -n 65536) and type the command again.';
  if (code === 'ENOMEM')
    return 'There is not enough memory; end something else and type the command again.';
  const known = pathWords[code];
  if (known && syscall !== 'connect' && syscall !== 'listen')
    return `${path ?? place ?? 'What was to be written'} ${known[0]}; ${known[1]}.`;
  if (syscall === undefined) return null;
  if (networkWords[code]) return `The connection failed: ${networkWords[code]}.`;
  const [, words] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? [];
  return words === undefined
    ? null
    : `The system refused to ${syscall} ${path ?? place ?? 'a file'}: ${words}.`;
}

const storeWords: Record<number, string> = {
  [resultCodes.full]: 'The disk of the store is full; free some space and type the command again.',
  [resultCodes.busy]: 'The store is busy; type the command again.',
  [resultCodes.locked]: 'The store is busy; type the command again.',
  8: 'The store cannot be written: its file or its disk is read-only. Make them writable for this user.',
  10: 'The disk of the store cannot be read or written; look at its free space, and at the log of the kernel (dmesg).',
  14: 'The store cannot be opened; look at the owner and the mode of the data directory and its files.',
};

const storeSentence = (error: unknown): string | null => {
  const code = resultCodeOf(error ?? {});
  return code === undefined ? null : (storeWords[code] ?? null);
};

function answerSentence({ url, why, message, cause }: NoAnswerError): string {
  if (why === 'late')
    return `The server at ${url} did not answer ${message}; look at its log, or wait longer with --timeout.`;
  if (why === 'foreign')
    return `What answers at ${url} is not Silversmith, or a proxy in front of it (${message}); give the server's address with --url.`;
  return `No server answers at ${url}: ${networkReason(cause)}. Start one (npm start, or silversmith serve), or give its address with --url.`;
}

/** The sentence for what was thrown; null for a defect. */
export function sentenceOf(error: unknown): string | null {
  if (
    error instanceof ApiError &&
    error.clientCode === 401 &&
    /key or the signature/.test(error.message)
  )
    return 'The server does not take this key: it or its secret is wrong, or it was revoked or is over. Look at SILVERSMITH_KEY and SILVERSMITH_SECRET (operators: silversmith key list, key create). (401)';
  if (error instanceof ApiError)
    return `${inCommands(error.message)} (${error.clientCode}${error.requestId ? `, request ${error.requestId}` : ''})`;
  if (error instanceof NoAnswerError) return answerSentence(error);
  if (error instanceof StalledError)
    return `${error.message} The last: ${sentenceOf(error.cause) ?? networkReason(error.cause)}`;
  if (error instanceof AppError) return storeSentence(error.cause) ?? inCommands(error.message);
  if (error instanceof UsageError) return error.message;
  if (error instanceof CommandError) return `${error.message}.`;
  return storeSentence(error) ?? systemSentence(error);
}

/** Prints the sentence, and resolves to the exit status. */
export function explain(thrown: unknown, terminal: Terminal, env: Environment): number {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  // Commander has said it itself.
  if (error instanceof CommanderError) return error.exitCode;
  const said = sentenceOf(error);
  const debug = env.SILVERSMITH_DEBUG !== undefined && env.SILVERSMITH_DEBUG !== '';
  terminal.err(
    said === null
      ? `error: ${error.message}. This is a defect of Silversmith; set SILVERSMITH_DEBUG=1 to see where it is, and please report it.`
      : `error: ${said}`,
  );
  const ours = error instanceof AppError ? error : null;
  if (debug) terminal.err([ours?.detail, error.stack, causes(error)].filter(Boolean).join('\n'));
  else if (ours?.code === 'internal') terminal.err('(set SILVERSMITH_DEBUG=1 to see the cause)');
  return 1;
}

function causes(error: Error): string {
  const cause = error.cause as Error | undefined;
  return cause === undefined ? '' : `cause: ${cause.stack ?? cause}`;
}
