// Turns any thrown value into one sentence that names the fault, its place and a remedy. Our
// own errors are sentences already; those of the system and of the network get one from
// lib/system-error.ts. Everything else is a defect and is called one; SILVERSMITH_DEBUG=1 shows
// where it is.

import { ApiError, NoAnswerError, StalledError } from '../client/errors.ts';
import { AppError } from '../domain/error.ts';
import type { Environment } from '../lib/environment.ts';
import { redactText } from '../lib/redact.ts';
import { CommandError } from '../lib/spawn.ts';
import { networkReason, systemSentence } from '../lib/system-error.ts';
import { type ExitKind, exitCode } from './exit.ts';
import { exitKindOf } from './exit-kind.ts';
import type { Terminal } from './output.ts';
import { UsageError } from './parse.ts';
import { inCommands } from './remote/requests.ts';

function answerSentence({ url, why, message, cause }: NoAnswerError): string {
  if (why === 'late')
    return `The server at ${url} did not answer ${message}; look at its log, or wait longer with --timeout.`;
  if (why === 'long')
    return `The answer of ${url} is too long (${message}), so it was not read to its end. Ask for less at once (--per-page), or look at what answers there.`;
  if (why === 'foreign')
    return `What answers at ${url} is not Silversmith, or a proxy in front of it (${message}); give the server's address with --url.`;
  return `No server answers at ${url}: ${networkReason(cause)}. Start one (npm start, or silversmith serve), or give its address with --url.`;
}

/** The sentence for a thrown value; null for a defect. */
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
  if (error instanceof AppError) return inCommands(error.message);
  if (error instanceof UsageError) return error.message;
  if (error instanceof CommandError) return `${error.message}.`;
  return systemSentence(error);
}

/**
 * Prints the sentence, or one line of JSON `{"error": Problem}` when that was asked for, and
 * returns the exit status.
 */
export function explain(
  thrown: unknown,
  terminal: Terminal,
  env: Environment,
  { json = false } = {},
): number {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const problem = problemOf(error);
  const debug = env.SILVERSMITH_DEBUG !== undefined && env.SILVERSMITH_DEBUG !== '';
  terminal.err(json ? JSON.stringify({ error: problem }) : `error: ${problem.message}`);
  const ours = error instanceof AppError ? error : null;
  const details = [ours?.detail, error.stack, causes(error)].filter(Boolean);
  // It may go to a journal, or into a report.
  if (debug) terminal.err(redactText(details.join('\n')));
  else if (ours?.code === 'internal' && !json)
    terminal.err('(set SILVERSMITH_DEBUG=1 to see the cause)');
  return problem.exit_code;
}

interface Problem {
  kind: ExitKind;
  exit_code: number;
  message: string;
  /** The code of the API; null for an error that is not the server's. */
  code: number | null;
  request_id: string | null;
}

/** An error in the fields in which JSON has it. */
export function problemOf(error: unknown): Problem {
  const kind = exitKindOf(error);
  const message =
    sentenceOf(error) ??
    `${error instanceof Error ? error.message : String(error)}. This is a defect of Silversmith; set SILVERSMITH_DEBUG=1 to see where it is, and please report it.`;
  const { clientCode: code = null, requestId = null } = error instanceof ApiError ? error : {};
  return { kind, exit_code: exitCode(kind), message, code, request_id: requestId };
}

function causes(error: Error): string {
  const cause = error.cause as Error | undefined;
  return cause === undefined ? '' : `cause: ${cause.stack ?? cause}`;
}
