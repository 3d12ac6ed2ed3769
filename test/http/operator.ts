// The stack with a key of operators, and requests to the operator's API.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { keyCreate } from '../../src/app/operator/key.ts';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { type OperatorOperationName, operatorSpecOf } from '../../src/contract/operator/table.ts';
import { operatorPermissions } from '../../src/domain/operator-key.ts';
import { operatorOn } from '../operator.ts';
import { type Scope, waitFor } from '../support.ts';
import { startHarness } from './harness.ts';
import type { Key } from './requests.ts';

export const requestTo = (name: OperatorOperationName, body?: unknown, id = 'ss1234567890') => {
  const { method, path } = operatorSpecOf(name);
  return {
    method,
    path: pathPrefix + path.replace('{id}', id).replace('{offset}', '0').replace('{kind}', 'base'),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
};

export async function startOperator(t: Scope, options: Parameters<typeof startHarness>[1] = {}) {
  const h = await startHarness(t, { reconcile: false, ...options });
  const makeOperator = (permissions: readonly string[] = operatorPermissions, expiresAt?: number) =>
    keyCreate(operatorOn(h.store), h.masterKey, {
      ...{ organisation: null, name: 'far', permissions },
      ...(expiresAt !== undefined && { expiresAt }),
    });
  const operator: Key = await makeOperator();
  const ask = (name: OperatorOperationName, body?: unknown, as = operator, id?: string) =>
    h.send(requestTo(name, body, id), as);
  /** Waits for the end of an errand, and resolves to its last state. */
  const ended = (id: string, as = operator) =>
    waitFor(`the errand ${id} has ended`, async () => {
      const { body } = await ask('errandGet', undefined, as, id);
      return body.status !== 'running' && body;
    });
  /** Asks for an errand, and waits for its end. */
  const done = async (name: OperatorOperationName, body: unknown, id?: string, as = operator) => {
    const { status, body: begun } = await ask(name, body, as, id);
    if (status !== 200) throw new Error(`${name}: ${status} ${begun.message}`);
    return ended(begun.id, as);
  };
  const part = (id: string, offset: number, body: string, as = operator) =>
    h.send(
      {
        method: 'POST',
        path: `${pathPrefix}/operator/uploads/${id}/parts/${offset}`,
        ...(body !== '' && { body }),
        headers: { 'content-type': 'application/octet-stream' },
      },
      as,
    );
  /** Sends a file, and resolves to its id. */
  const sent = async (text: string) => {
    const id = createHash('sha256').update(text).digest('hex');
    await ask('uploadOpen', { id, size_bytes: Buffer.byteLength(text) });
    await part(id, 0, text);
    return id;
  };
  const transfers = join(h.dataDir, 'transfers');
  return { ...h, transfers, makeOperator, operator, ask, ended, done, part, sent };
}
