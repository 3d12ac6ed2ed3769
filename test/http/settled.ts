// The whole stack with a reconciler that works only when it is told to. After each call of `does`
// it has done all that the call asked for, so that a test finds the same state each time.

import assert from 'node:assert/strict';
import type { DiskId, ImageId, LayerId, MachineId } from '../../src/domain/ids.ts';
import type { Scope } from '../support.ts';
import { startHarness } from './harness.ts';

export async function settled(t: Scope, options: Parameters<typeof startHarness>[1] = {}) {
  const h = await startHarness(t, { reconcile: false, ...options });
  const [id = 0] = h.machines;
  const settle = () => h.service.reconciler.settle();
  /** Calls an operation on the thing with this id, and returns the body of the answer. */
  const does = async (name: Parameters<typeof h.call>[0], of: number, body?: unknown) => {
    const answer = await h.call(name, { params: { id: of }, body });
    await settle();
    return answer.body;
  };
  /** Builds an image of the software. */
  const install = async (software: number[]): Promise<number> => {
    const { body } = await h.call('imageInstall', { body: { software_ids: software } });
    await settle();
    return body.attributes.id;
  };
  const machine = () => h.store.read('system', (work) => work.machines.get(id as MachineId));
  /** The content of the disk of the first machine. */
  const content = async () => {
    const { diskId } = await machine();
    return diskId === null ? null : h.engine.contentOf(diskId);
  };
  /** Starts the first machine, writes to its disk, and stops it. */
  const write = async (text: string) => {
    assert.equal((await does('machineStart', id)).client_code, 200);
    await h.engine.writeToDisk((await machine()).diskId as DiskId, text);
    assert.equal((await does('machineStop', id)).client_code, 200);
  };
  /** The layer of an image. */
  const headOf = async (of: number) =>
    (await h.store.read('system', (work) => work.images.get(of as ImageId))).layerId as LayerId;
  return { h, id, settle, does, install, machine, content, write, headOf };
}
