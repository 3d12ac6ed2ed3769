// Machines between the wire and the application.

import { machineDelete, machineUndelete } from '../../app/deleted-machine.ts';
import {
  type MachineView,
  machineCreate,
  machineGet,
  machineList,
  machineReset,
  machineStart,
  machineStop,
} from '../../app/machine.ts';
import type { Answer } from '../../contract/table.ts';
import { machinePermissionDefaults, shownOf } from '../../domain/machine.ts';
import type { RootSystem } from '../../domain/root-system.ts';
import { dateOrNull, type Handlers, pageAnswer, pageOf } from '../handler.ts';
import { presentImage } from './image.ts';

export function presentMachine({
  machine,
  assignedImageName,
  job,
  policy,
}: MachineView): Answer<'machineGet'> {
  const shown = shownOf(machine);
  return {
    id: String(machine.id),
    type: 'machine',
    attributes: {
      id: machine.id,
      name: machine.name,
      region: machine.region,
      machine_type: machine.machineType,
      disk_size: machine.diskSizeGb,
      file_storage_size: machine.fileStorageSizeGb,
      friendly_status: shown.status,
      assigned_image_id: machine.assignedImageId,
      assigned_image_name: assignedImageName,
      last_session_start_at: dateOrNull(machine.lastSessionStartAt),
      auto_stop_threshold: policy.autoStopS,
      // The specification meters these. A machine here has no credit to use up.
      network_credit: 0,
      remaining_usage: 0,
      deposited_usage: 0,
      usage_source: 'unlimited',
      user: null,
      permissions: { ...machinePermissionDefaults, ...machine.permissions },
      task: null,
      status_reason: shown.statusReason,
      assignment_pending: machine.assignmentPendingAt !== null,
      phase: job?.phase ?? null,
      deleted_at: dateOrNull(machine.deletedAt),
      cpus: machine.cpus,
      memory_mb: machine.memoryMb,
      addresses: [...machine.addresses],
      network: machine.network,
      crash_policy: policy.crashPolicy,
      restarts_at: dateOrNull(machine.restartAt),
      place: machine.place,
      started:
        machine.startedFrom === null
          ? null
          : {
              from: machine.startedFrom,
              because: machine.startedBecause,
              ms: machine.startedMs ?? 0,
            },
      root_system: presentRoot(machine.rootSystem),
    },
  };
}

const presentRoot = (root: RootSystem | null) =>
  root && {
    ...{ device: root.device, type: root.type, bytes: root.bytes },
    ...{ disk_bytes: root.diskBytes, unused: root.unused },
  };

export const machineHandlers: Handlers<
  | 'machineList'
  | 'machineGet'
  | 'machineCreate'
  | 'machineDelete'
  | 'machineUndelete'
  | 'machineStart'
  | 'machineStop'
  | 'machineReset'
> = {
  async machineList(context, { query }) {
    const page = pageOf(query);
    const { q, status, assigned, has_session_data: hasSessionData, time_left: timeLeftMin } = query;
    const { deleted } = query;
    const filter = { ...page, q, status, assigned, hasSessionData, timeLeftMin, deleted };
    const found = await machineList(context, filter);
    const machines = found.machines.map(presentMachine);
    return { machines, ...pageAnswer(page, found, machines) };
  },
  machineGet: async (context, { params }) => presentMachine(await machineGet(context, params.id)),
  async machineCreate(context, { body }) {
    const { machines, image } = await machineCreate(context, {
      machineTypeId: body.plan_id,
      quantity: body.quantity,
      softwareIds: body.software_ids,
      baseImageId: body.base_image_id,
      region: body.region,
      permissions: body.permissions,
    });
    return {
      machines: machines.map(presentMachine),
      count: machines.length,
      ...(image && { silver_image: presentImage(image) }),
    };
  },
  async machineDelete(context, { params }) {
    await machineDelete(context, params.id);
    return {};
  },
  machineUndelete: async (context, { params }) =>
    presentMachine(await machineUndelete(context, params.id)),
  async machineStart(context, { params, body }) {
    await machineStart(context, params.id, {
      typeId: body.machine_type_id,
      region: body.region,
    });
    return {};
  },
  async machineStop(context, { params, body }) {
    await machineStop(context, params.id, body.gracefully ?? false);
    return {};
  },
  async machineReset(context, { params }) {
    await machineReset(context, params.id);
    return {};
  },
};
