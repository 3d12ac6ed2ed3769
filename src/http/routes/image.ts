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
import type { Answer } from '../../contract/table.ts';
import { dateTime, type Handlers, nextPage, pageDefaults } from '../handler.ts';

export function presentImage({ image, softwares, job }: ImageView): Answer<'imageGet'> {
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
      progress: image.status === 'available' ? 1 : (job?.progress ?? 0),
      protected: image.protectedAt !== null,
      deleted_at: image.deletedAt === null ? null : dateTime(image.deletedAt),
      phase: job?.phase ?? null,
    },
  };
}

export const imageRoutes: Handlers<
  | 'imageList'
  | 'imageGet'
  | 'imageCapture'
  | 'imageInstall'
  | 'imageAssign'
  | 'imageDelete'
  | 'imageLog'
> = {
  async imageList(context, { query }) {
    const {
      page = pageDefaults.page,
      per_page: perPage = pageDefaults.perPage,
      q,
      deleted,
    } = query;
    const { images, count } = await imageList(context, { page, perPage, q, deleted });
    return {
      images: images.map(presentImage),
      count,
      page,
      next_page: nextPage(page, perPage, count),
    };
  },
  imageGet: async (context, { params }) => presentImage(await imageGet(context, params.id)),
  imageCapture: async (context, { body }) =>
    presentImage(
      await imageCapture(context, {
        machineId: body.machine_id,
        name: body.name,
        generalize: body.generalize,
      }),
    ),
  imageInstall: async (context, { body }) =>
    presentImage(
      await imageInstall(context, {
        name: body.name,
        softwareIds: body.software_ids,
        baseImageId: body.base_image_id,
      }),
    ),
  async imageAssign(context, { params, body }) {
    await imageAssign(context, params.id, body.machine_ids);
    return {};
  },
  async imageDelete(context, { params }) {
    await imageDelete(context, params.id);
    return {};
  },
  async imageLog(context, { params }) {
    const { steps, report } = await imageLog(context, params.id);
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
