// A call of each operation that changes something. The compiler asks for a call of each new one.

import type { ChangeName, OperationName } from '../../src/contract/table.ts';
import type { DiskId, MachineId } from '../../src/domain/ids.ts';
import type { Harness } from './harness.ts';
import type { Answer } from './requests.ts';
import type { trail } from './trail.ts';

const dayMs = 24 * 3600_000;

/** Opens an upload and sends all its bytes in one part. */
async function uploaded(h: Harness): Promise<{ id: string; part: Answer }> {
  const content = JSON.stringify({ simulated: ['bytes'], virtualBytes: 1 });
  const { id } = (await h.call('imageImport', { body: { size_bytes: content.length } })).body;
  const path = `/organization-management/v1/transfers/${id}/parts/0`;
  return { id, part: await h.send({ method: 'POST', path, body: content }) };
}

interface Done {
  answer: Answer;
  image?: number;
  machines?: number[];
  transfer?: string;
}

async function onFirstMachine(h: Harness, name: OperationName, body?: unknown): Promise<Done> {
  const [id = 0] = h.machines;
  return { answer: await h.call(name, { params: { id }, body }), machines: [id] };
}

async function onWebhook(h: Harness, name: OperationName, body?: unknown): Promise<Done> {
  const { id } = (await h.call('webhookCreate', { body: { url: 'https://a.test/' } })).body;
  return { answer: await h.call(name, { params: { id }, body }) };
}

/** A webhook with a delivery that is dead. */
export async function pinged(h: Harness) {
  const { id } = (await h.call('webhookCreate', { body: { url: 'https://a.test/' } })).body;
  await h.call('webhookPing', { params: { id } });
  const [{ attributes }] = (await h.call('webhookDeliveryList', { params: { id } })).body
    .deliveries;
  const change = { state: 'dead', endedAt: 1 } as const;
  await h.store.write(h.ours, (work) => work.webhooks.updateDelivery(attributes.id, change));
  return { params: { id, delivery: attributes.id } };
}

/** Lets a port lead to the first machine, which is on the network of such ports. */
async function onForward(h: Harness, name: 'machineForwardAdd') {
  const [id = 0] = h.machines;
  await h.store.write(h.ours, (work) => work.machines.update(id as MachineId, { network: 'user' }));
  const body = { port: 2222, guest_port: 22 };
  return { answer: await h.call(name, { params: { id }, body }), machines: [id] };
}

/** A call of each operation that changes something, and the things that it touches. */
export const changes: Record<
  ChangeName,
  (given: Awaited<ReturnType<typeof trail>>) => Promise<Done>
> = {
  async imageCapture({ h, settle }) {
    const [id = 0] = h.machines;
    for (const name of ['machineStart', 'machineStop'] as const) {
      await h.call(name, { params: { id } });
      await settle();
    }
    const answer = await h.call('imageCapture', { body: { machine_id: id } });
    return { answer, image: answer.body.attributes.id, machines: [id] };
  },
  async imageInstall({ h }) {
    const answer = await h.call('imageInstall');
    return { answer, image: answer.body.attributes.id };
  },
  async imageAssign({ h, image }) {
    const id = await image();
    const body = { machine_ids: [...h.machines, ...h.machines] };
    return {
      answer: await h.call('imageAssign', { params: { id }, body }),
      image: id,
      machines: h.machines,
    };
  },
  async imageAssignUndo({ h, image }) {
    const id = await image();
    await h.call('imageAssign', { params: { id }, body: { machine_ids: h.machines } });
    return {
      answer: await h.call('imageAssignUndo', { params: { id } }),
      image: id,
      machines: h.machines,
    };
  },
  async imageCancel({ h }) {
    const id = (await h.call('imageInstall')).body.attributes.id;
    return { answer: await h.call('imageCancel', { params: { id } }), image: id };
  },
  async imageDelete({ h, image }) {
    const id = await image();
    return { answer: await h.call('imageDelete', { params: { id } }), image: id };
  },
  async imageRestore({ h, image }) {
    const id = await image();
    await h.call('imageDelete', { params: { id } });
    return { answer: await h.call('imageRestore', { params: { id } }), image: id };
  },
  async imagePackagesRead({ h, image }) {
    const id = await image();
    return { answer: await h.call('imagePackagesRead', { params: { id } }), image: id };
  },
  async imageProtect({ h, image }) {
    const id = await image();
    return {
      answer: await h.call('imageProtect', { params: { id }, body: { protected: true } }),
      image: id,
    };
  },
  async imageTemplatesSet({ h, image }) {
    const id = await image();
    return {
      answer: await h.call('imageTemplatesSet', { params: { id }, body: { templates: 'always' } }),
      image: id,
    };
  },
  async imageExport({ h, image }) {
    const id = await image();
    const answer = await h.call('imageExport', { params: { id } });
    return { answer, image: id, transfer: answer.body.id };
  },
  async imageImport({ h }) {
    const answer = await h.call('imageImport', { body: { size_bytes: 5 } });
    return { answer, transfer: answer.body.id };
  },
  async transferPart({ h }) {
    const { id, part } = await uploaded(h);
    return { answer: part, transfer: id };
  },
  async transferFinish({ h }) {
    const { id } = await uploaded(h);
    const answer = await h.call('transferFinish', { params: { id } });
    return { answer, image: answer.body.attributes.id, transfer: id };
  },
  async transferDelete({ h }) {
    const { id } = await uploaded(h);
    return { answer: await h.call('transferDelete', { params: { id } }), transfer: id };
  },
  async machineCreate({ h }) {
    const body = { plan_id: h.machineType.id, quantity: 2, software_ids: [h.editor.id] };
    const answer = await h.call('machineCreate', { body });
    const machines = answer.body.machines.map(
      (one: { attributes: { id: number } }) => one.attributes.id,
    );
    return { answer, image: answer.body.silver_image.attributes.id, machines };
  },
  async machineRestore({ h }) {
    const [id = 0] = h.machines;
    await h.store.write(h.ours, async (work) => {
      const disk = {
        id: 'kept' as DiskId,
        organisationId: h.ours,
        machineId: id as MachineId,
        replacesId: null,
      };
      const more = { layerId: h.base.layerId, state: 'kept' as const, imageId: null, sizeGb: 1 };
      await work.disks.add({ ...disk, ...more });
      await work.disks.keep(disk.id, dayMs);
    });
    return { answer: await h.call('machineRestore', { params: { id } }), machines: [id] };
  },
  async machineAccess({ h }) {
    const [id = 0] = h.machines;
    await h.store.write(h.ours, (work) =>
      work.machines.update(id as MachineId, { status: 'ready' }),
    );
    return { answer: await h.call('machineAccess', { params: { id } }), machines: [id] };
  },
  async webhookCreate({ h }) {
    return { answer: await h.call('webhookCreate', { body: { url: 'https://a.test/' } }) };
  },
  webhookUpdate: ({ h }) => onWebhook(h, 'webhookUpdate', { paused: true }),
  webhookRotate: ({ h }) => onWebhook(h, 'webhookRotate'),
  webhookDelete: ({ h }) => onWebhook(h, 'webhookDelete'),
  webhookPing: ({ h }) => onWebhook(h, 'webhookPing'),
  async webhookRedeliver({ h }) {
    const { params } = await pinged(h);
    return { answer: await h.call('webhookRedeliver', { params }) };
  },
  machineDelete: ({ h }) => onFirstMachine(h, 'machineDelete'),
  async machineUndelete({ h }) {
    await onFirstMachine(h, 'machineDelete');
    return onFirstMachine(h, 'machineUndelete');
  },
  machineStart: ({ h }) => onFirstMachine(h, 'machineStart'),
  machineStop: ({ h }) => onFirstMachine(h, 'machineStop'),
  machineReset: ({ h }) => onFirstMachine(h, 'machineReset'),
  machineTypeSet: ({ h }) =>
    onFirstMachine(h, 'machineTypeSet', { machine_type_id: h.machineType.id }),
  machinePermissionsSet: ({ h }) =>
    onFirstMachine(h, 'machinePermissionsSet', { permissions: { clipboard_enabled: false } }),
  machineForwardAdd: ({ h }) => onForward(h, 'machineForwardAdd'),
  async machineForwardRemove({ h }) {
    const { answer, machines } = await onForward(h, 'machineForwardAdd');
    const params = { id: machines[0] ?? 0, forward: answer.body.attributes.id };
    return { answer: await h.call('machineForwardRemove', { params }), machines };
  },
  async keyCreate({ h }) {
    return { answer: await h.call('keyCreate', { body: { name: 'new', permissions: [] } }) };
  },
  async keyRotate({ h }) {
    const params = { id: h.keys.powerless.key };
    return { answer: await h.call('keyRotate', { params, body: {} }) };
  },
  async keyRevoke({ h }) {
    const params = { id: h.keys.powerless.key };
    return { answer: await h.call('keyRevoke', { params, body: {} }) };
  },
};
