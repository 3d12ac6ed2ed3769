// Templates of images, for the operator: lists them, asks for one, and removes one.

import { AppError, invalid } from '../../domain/error.ts';
import type { ImageId, MachineTypeId, TemplateId } from '../../domain/ids.ts';
import {
  bytesOfTemplate,
  isSameTemplate,
  type Template,
  type TemplateFor,
} from '../../domain/template.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import { askForTemplate, dropTemplate } from '../../reconcile/template-plan.ts';
import type { ListedTemplate } from '../../store/port/template.ts';
import type { Reader, Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';

type ShownTemplate = Omit<Template, 'place' | 'retryAt'> & {
  /** The name of an image or a base that it is for; null when none is left. */
  name: string | null;
  /** Of its files and its layer. */
  bytes: number;
  /** What its making does now; null when it is not being made. */
  phase: string | null;
  triesAgainAt: number | null;
};

function shown(template: ListedTemplate, phase: string | null): ShownTemplate {
  const { place: _, retryAt: triesAgainAt, layerBytes: __, ...rest } = template;
  return { ...rest, bytes: bytesOfTemplate(template), phase, triesAgainAt };
}

async function listed(work: Reader): Promise<ShownTemplate[]> {
  const jobs = await work.jobs.openOfKind('templateMake');
  return (await work.templates.list()).map((one) =>
    shown(one, jobs.find(({ data }) => data.templateId === one.id)?.phase ?? null),
  );
}

/** All templates, oldest first. */
export const templateList = (store: Store): Promise<ShownTemplate[]> =>
  store.read('system', listed);

interface WantedTemplate {
  imageId: ImageId;
  /** Whose size it is for. Default: the sizes of all machines of the image's organisation. */
  machineTypeId?: MachineTypeId | undefined;
}

/**
 * Asks for the templates of an image, whatever its policy says of assignments, and returns them,
 * also those that exist. Throws not-found, `invalid` where the policy is never, and `unavailable`
 * where the host has no room.
 */
export const templateMake = change(
  'templateMake',
  (_engine: Engine, { imageId }: WantedTemplate) => `image ${imageId}`,
  async ({ store }, engine, wanted): Promise<ShownTemplate[]> => {
    const instant = requirePart(engine, 'instant');
    const fingerprint = await instant.fingerprint(withoutJob());
    return store.write('system', async (work) => {
      const found: ShownTemplate[] = [];
      const all = await wishes(work, wanted);
      for (const what of all) {
        if ((await askForTemplate(work, what, fingerprint, { beside: true })) !== 'full') continue;
        throw new AppError(
          'unavailable',
          `The host has no room for a template of ${what.memoryMb} MB; see: silversmith storage`,
        );
      }
      for (const one of await listed(work)) {
        const isIn = all.some((what) => isSameTemplate(what, one));
        if (one.fingerprint === fingerprint && one.state !== 'deleting' && isIn) found.push(one);
      }
      return found;
    });
  },
);

async function wishes(
  work: Reader,
  { imageId, machineTypeId }: WantedTemplate,
): Promise<TemplateFor[]> {
  const image = await work.images.find(imageId);
  if (image === undefined)
    throw new AppError('not_found', `There is no image ${imageId} in any organisation.`);
  const { layerId, organisationId } = image;
  if (image.status !== 'available' || layerId === null)
    throw invalid(`Image ${imageId} is ${image.status}; a template needs an available image.`);
  if ((await work.templates.policyFor(organisationId, imageId, 'on-assignment')) === 'never')
    throw invalid(
      `No templates are made for image ${imageId}, because it or its organisation says never; change that first: silversmith image templates inherit ${imageId}`,
    );
  const type =
    machineTypeId === undefined
      ? undefined
      : (await work.machineTypes.list()).find(({ id }) => id === machineTypeId);
  if (machineTypeId !== undefined && type === undefined)
    throw new AppError(
      'not_found',
      `There is no machine type ${machineTypeId}; see: silversmith machine-type list`,
    );
  const sizes = type ? [type] : await work.templates.sizesOf(organisationId);
  if (sizes.length === 0)
    throw invalid('Its organisation has no machines; name a machine type (--type).');
  return sizes.map(({ cpus, memoryMb, diskSizeGb }) => ({ layerId, cpus, memoryMb, diskSizeGb }));
}

/**
 * Removes a template. One that is wanted is made again; machines that started from it go on. Throws
 * not-found.
 */
export const templateDelete = change(
  'templateDelete',
  (id: TemplateId) => `template ${id}`,
  ({ store }, id) =>
    store.write('system', async (work) => {
      if (!(await work.templates.find(id)))
        throw new AppError(
          'not_found',
          `There is no template ${id}; see: silversmith template list`,
        );
      await dropTemplate(work, id, 'an operator removed it');
    }),
);
