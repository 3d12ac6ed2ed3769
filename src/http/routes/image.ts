// Images between the wire and the application.

import {
  type ImageView,
  imageAssign,
  imageCapture,
  imageDelete,
  imageGet,
  imageInstall,
  imageList,
  imageLog,
} from '../../app/image.ts';
import type { BaseImageId, ImageId, MachineId, SoftwareId } from '../../domain/ids.ts';
import type { Answer } from '../../wire/operations.ts';
import { dateTime, type Handlers, nextPage, pageDefaults } from '../handler.ts';

export function presentImage({ image, softwares, operation }: ImageView): Answer<'imageGet'> {
  return {
    id: String(image.id),
    type: 'image',
    attributes: {
      id: image.id,
      name: image.name,
      size: image.sizeGb,
      status: image.status,
      source: image.source,
      created_at: dateTime(image.createdAt),
      updated_at: dateTime(image.updatedAt),
      softwares: softwares.map(({ id, name, sizeGb }) => ({
        id: String(id),
        type: 'software',
        attributes: { id, name, size: sizeGb },
      })),
      status_reason: image.statusReason,
      progress: image.status === 'available' ? 1 : (operation?.progress ?? 0),
      protected: image.protectedAt !== null,
      deleted_at: image.deletedAt === null ? null : dateTime(image.deletedAt),
      phase: operation?.phase ?? null,
    },
  };
}

export const imageRoutes: Handlers<
  'imageList' | 'imageGet' | 'imageCapture' | 'imageInstall' | 'imageAssign' | 'imageDelete' | 'imageLog'
> = {
  async imageList(ask, { query }) {
    const { page = pageDefaults.page, per_page: perPage = pageDefaults.perPage, q, deleted } = query;
    const { images, count } = await imageList(ask, { page, perPage, q, deleted });
    return { images: images.map(presentImage), count, page, next_page: nextPage(page, perPage, count) };
  },
  imageGet: async (ask, { params }) => presentImage(await imageGet(ask, params.id as ImageId)),
  imageCapture: async (ask, { body }) =>
    presentImage(
      await imageCapture(ask, {
        machineId: body.machine_id as MachineId,
        name: body.name,
        generalize: body.generalize,
      }),
    ),
  imageInstall: async (ask, { body }) =>
    presentImage(
      await imageInstall(ask, {
        name: body.name,
        softwareIds: body.software_ids as SoftwareId[] | undefined,
        baseImageId: body.base_image_id as BaseImageId | undefined,
      }),
    ),
  async imageAssign(ask, { params, body }) {
    await imageAssign(ask, params.id as ImageId, body.machine_ids as MachineId[]);
    return {};
  },
  async imageDelete(ask, { params }) {
    await imageDelete(ask, params.id as ImageId);
    return {};
  },
  async imageLog(ask, { params }) {
    const { steps, report } = await imageLog(ask, params.id as ImageId);
    return {
      report,
      steps: steps.map(({ softwareId, exitCode, durationMs, ...step }) => ({
        ...step,
        software_id: softwareId,
        exit_code: exitCode,
        duration_ms: durationMs,
      })),
    };
  },
};
