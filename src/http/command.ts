// Reads the Idempotency-Key of a request that changes something, and records refused changes.

import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Application } from '../app/application.ts';
import type { Command } from '../app/command.ts';
import { isObject } from '../contract/extension.ts';
import { idempotencyHeader } from '../contract/operation.ts';
import { isReadName, type OperationName, specOf } from '../contract/table.ts';
import type { Touched } from '../domain/audit.ts';
import { invalid } from '../domain/error.ts';
import type { ImageId, KeyId, MachineId } from '../domain/ids.ts';
import { pathOf } from './hygiene.ts';

/** Throws `invalid` for an Idempotency-Key of a wrong form. */
export function commandOf<Signed>(
  name: string,
  caller: Signed,
  request: FastifyRequest,
  content: Buffer,
): Omit<Command, 'caller'> & { caller: Signed } {
  const { name: header, charactersMax } = idempotencyHeader;
  const idempotencyKey = request.headers[header.toLowerCase()];
  if (
    idempotencyKey !== undefined &&
    (typeof idempotencyKey !== 'string' ||
      !/^[\x21-\x7e]+$/.test(idempotencyKey) ||
      idempotencyKey.length > charactersMax)
  )
    throw invalid(`The ${header} must be 1 to ${charactersMax} visible ASCII characters.`);
  const requestDigest = createHash('sha256')
    .update(`${request.method} ${pathOf(request)}\n`)
    .update(content)
    .digest('hex');
  const traceparent = request.span?.traceparent;
  return { name, caller, requestId: request.id, traceparent, requestDigest, idempotencyKey };
}

/** Client codes whose refusals are not recorded, so that strangers cannot fill the trail. */
const unrecorded = new Set([401, 429]);

/** Records that a change was refused; does nothing for a read. */
export async function refuseCommand(
  application: Application,
  name: OperationName,
  { caller, id: requestId, params }: FastifyRequest,
  clientCode: number,
): Promise<void> {
  if (caller === null || isReadName(name) || unrecorded.has(clientCode)) return;
  const touched = namedByPath(specOf(name).path, params);
  await application.recordRefusal({ name, caller, requestId, clientCode, touched });
}

/** The image or machine in a path, which is not validated, because its form may be the fault. */
function namedByPath(path: string, params: unknown): Touched {
  const text = isObject(params) ? String(params.id) : '';
  if (path.startsWith('/keys/{id}'))
    return /^[\w-]{1,64}$/.test(text) ? { touchedKeyId: text as KeyId } : {};
  const id = Number(text);
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(id)) return {};
  if (path.startsWith('/images/{id}')) return { imageId: id as ImageId };
  if (path.startsWith('/machines/{id}')) return { machineIds: [id as MachineId] };
  return {};
}
