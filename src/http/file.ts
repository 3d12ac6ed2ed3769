// Answers with bytes: those of a file whole or the range that is asked for, others whole. They are
// for one caller, so the answer forbids caches to keep them.

import { basename, dirname } from 'node:path';
import { send } from '@fastify/send';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../domain/error.ts';
import type { FileAnswer } from './handler.ts';

/** Throws `range_not_satisfiable`, `precondition_failed`, and `not_found` when the file is gone. */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { content: given, name, mediaType }: FileAnswer,
) {
  const content = typeof given === 'function' ? await given() : given;
  const { path } = content;
  const ofAll = {
    'content-type': mediaType,
    'cache-control': 'private, no-store',
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
  };
  // The library that answers ranges and preconditions reads files. All blobs are files today.
  if (path === undefined)
    return reply.headers({ ...ofAll, 'content-length': content.bytes }).send(content.open());
  const { statusCode, headers, stream } = await send(request.raw, basename(path), {
    root: dirname(path),
    cacheControl: false,
  });
  if (statusCode === 412)
    throw new AppError(
      'precondition_failed',
      'The file is not the one that If-Match or If-Unmodified-Since names.',
    );
  if (statusCode === 416) {
    const range = String(headers['Content-Range']);
    reply.header('content-range', range);
    throw new AppError(
      'range_not_satisfiable',
      `The range ${request.headers.range} is not in the file, which has ${range.split('/')[1]} bytes.`,
    );
  }
  if (statusCode >= 400) throw new AppError('not_found', 'The file is gone; ask for a new export.');
  return reply.code(statusCode).headers(headers).headers(ofAll).send(stream);
}
