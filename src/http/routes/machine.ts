// Machines between the wire and the application.

import { machineAccess } from '../../app/access.ts';
import {
  type MachineView,
  machineConsole,
  machineCreate,
  machineGet,
  machineList,
  machinePermissionsSet,
  machineReset,
  machineStart,
  machineStop,
  machineTypeSet,
} from '../../app/machine.ts';
import type { Answer } from '../../contract/table.ts';
import { machinePermissionDefaults, shownOf } from '../../domain/machine.ts';
import { dateOrNull, dateTime, type Handlers, nextPage, pageDefaults } from '../handler.ts';
import { presentImage } from './image.ts';

export function presentMachine({
  machine,
  assignedImageName,
  job,
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
      last_session_start_at:
        machine.lastSessionStartAt === null ? null : dateTime(machine.lastSessionStartAt),
      // What the original meters; a self-hosted machine has no credit to use up and does not stop
      // by itself.
      auto_stop_threshold: 0,
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
    },
  };
}

export const machineRoutes: Handlers<
  | 'machineList'
  | 'machineGet'
  | 'planList'
  | 'machineCreate'
  | 'machineConsole'
  | 'machineStart'
  | 'machineStop'
  | 'machineReset'
  | 'machineAccess'
  | 'machinePermissionFields'
  | 'machineTypeList'
  | 'machineTypeSet'
  | 'machinePermissionsSet'
> = {
  async machineList(context, { query }) {
    const {
      page = pageDefaults.page,
      per_page: perPage = pageDefaults.perPage,
      q,
      status,
      assigned,
    } = query;
    const { has_session_data: hasSessionData, time_left: timeLeftMin } = query;
    const filter = { page, perPage, q, status, assigned, hasSessionData, timeLeftMin };
    const { machines, count } = await machineList(context, filter);
    return {
      machines: machines.map(presentMachine),
      count,
      page,
      next_page: nextPage(page, perPage, count),
    };
  },
  async machineConsole(context, { params }) {
    const kept = await machineConsole(context, params.id);
    return {
      id: String(params.id),
      type: 'machine_console',
      attributes: { shown: kept?.shown ?? null, kept_at: dateOrNull(kept?.keptAt ?? null) },
    };
  },
  machineGet: async (context, { params }) => presentMachine(await machineGet(context, params.id)),
  planList: async ({ work }) => ({
    plans: (await work.machineTypes.list()).map(
      ({ id, name, code, cpus, memoryMb, diskSizeGb }) => ({
        id: String(id),
        type: 'plan',
        attributes: { name, machine_type: code, cpus, memory_mb: memoryMb, disk_size: diskSizeGb },
      }),
    ),
  }),
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
  async machineAccess(context, { params, body }) {
    const { uid, url, expiresAt } = await machineAccess(context, params.id, body.expires_in);
    return {
      id: uid,
      type: 'access',
      attributes: { uid, connection_link: url, expires_at: dateTime(expiresAt) },
    };
  },
  machinePermissionFields: async () => ({
    permission_fields: Object.entries(machinePermissionDefaults).map(([name, value]) => ({
      name,
      type: 'boolean',
      default: value,
    })),
  }),
  async machineTypeList(context, { params }) {
    await machineGet(context, params.id);
    const types = await context.work.machineTypes.list();
    return {
      machine_types: types.map(({ id, code, name }) => ({
        id: String(id),
        type: 'machine_type',
        attributes: { name: code, friendly_name: name },
      })),
    };
  },
  async machineTypeSet(context, { params, body }) {
    await machineTypeSet(context, params.id, body.machine_type_id);
    return {};
  },
  async machinePermissionsSet(context, { params, body }) {
    await machinePermissionsSet(context, params.id, body.permissions);
    return {};
  },
  async machineReset(context, { params }) {
    await machineReset(context, params.id);
    return {};
  },
};
