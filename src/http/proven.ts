// The proof of who sends a request. The body is read in between, because the signature covers it.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { transferPartBytesMax } from '../contract/transfer.ts';
import { AppError } from '../domain/error.ts';
import type { Authenticator } from './authenticate.ts';
import { type Bodies, hasBody } from './body.ts';
import { httpLimits, pathOf } from './hygiene.ts';

interface Proof {
  authenticator: Authenticator;
  bodies: Bodies;
  /** Whether the body is bytes instead of JSON. */
  isBytes: boolean;
}

/** Resolves to the caller, and keeps the body. Throws like `Authenticator` and `Bodies`. */
export async function proven(
  request: FastifyRequest,
  reply: FastifyReply,
  { authenticator, bodies, isBytes }: Proof,
) {
  const { raw, headers } = request;
  const claim = await authenticator.claim({
    authorization: headers.authorization,
    method: request.method,
    path: pathOf(request),
    hasBody: hasBody(raw),
    isBytes,
  });
  request.rawBody = await bodies.read(raw, reply.raw, {
    bytesMax: isBytes ? transferPartBytesMax : httpLimits.bodyBytes,
    // A request under a key that is not in use is refused, so its body is not worth memory.
    keep: claim.caller !== null,
    onBytes: (bytes) => claim.hmacs.forEach((hmac) => void hmac.update(bytes)),
  });
  return authenticator.prove(claim);
}

/** Throws `permission_required` unless one of the permissions that are enough is held. */
export function assertPermission(held: readonly string[], enough: readonly string[]): void {
  if (held.some((one) => enough.includes(one))) return;
  throw new AppError(
    'permission_required',
    `This key lacks the permission ${enough.join(' or ')}; use one that has it.`,
  );
}
