// Images between the wire and the application.

import {
  type ImageView,
  imageCancel,
  imageCapture,
  imageDelete,
  imageGet,
  imageInstall,
  imageList,
  imageProtect,
  imageRestore,
} from '../../app/image.ts';
import { imageLog } from '../../app/image-log.ts';
import { imageTemplatesSet } from '../../app/image-templates.ts';
import type { Answer } from '../../contract/table.ts';
import { warningsOf } from '../../domain/software.ts';
import { givenPolicy } from '../../domain/template.ts';
import { dateOrNull, dateTime, type Handlers, pageAnswer, pageOf } from '../handler.ts';

export function presentImage({ image, softwares, base, job }: ImageView): Answer<'imageGet'> {
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
      deleted_at: dateOrNull(image.deletedAt),
      phase: job?.phase ?? null,
      base_id: base?.id ?? null,
      base_name: base?.name ?? null,
      base_version: base?.version ?? null,
      templates: image.templates ?? 'inherit',
    },
  };
}

export const imageHandlers: Handlers<
  | 'imageList'
  | 'imageGet'
  | 'imageCapture'
  | 'imageInstall'
  | 'imageCancel'
  | 'imageDelete'
  | 'imageRestore'
  | 'imageProtect'
  | 'imageTemplatesSet'
  | 'imageLog'
> = {
  async imageList(context, { query }) {
    const page = pageOf(query);
    const { q, deleted } = query;
    const found = await imageList(context, { ...page, q, deleted });
    const images = found.images.map(presentImage);
    return { images, ...pageAnswer(page, found, images) };
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
        refresh: body.refresh,
      }),
    ),
  imageCancel: async (context, { params }) => presentImage(await imageCancel(context, params.id)),
  async imageDelete(context, { params }) {
    await imageDelete(context, params.id);
    return {};
  },
  async imageRestore(context, { params }) {
    const { view, machines } = await imageRestore(context, params.id);
    return { ...presentImage(view), count: machines.length };
  },
  imageProtect: async (context, { params, body }) =>
    presentImage(await imageProtect(context, params.id, body.protected)),
  imageTemplatesSet: async (context, { params, body }) =>
    presentImage(await imageTemplatesSet(context, params.id, givenPolicy(body.templates))),
  async imageLog(context, { params }) {
    const { steps, running, report } = await imageLog(context, params.id);
    return {
      report,
      running,
      steps: steps.map(({ softwareId, exitCode, durationMs, ...step }) => ({
        ...step,
        warnings: warningsOf(step.output),
        software_id: softwareId,
        exit_code: exitCode,
        duration_ms: durationMs,
      })),
    };
  },
};
