// The lists of the packages inside images: shown, read again, given in standard forms, compared.
// The reconciler reads them from the disks; here they come from the store.

import { AppError } from '../domain/error.ts';
import type { ImageId, LayerId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
import {
  comparePackages,
  type PackageDifference,
  type PackageList,
  type PackageListRow,
  packageListBytesMax,
  parsePackageList,
} from '../domain/package-list.ts';
import { unpackText } from '../lib/packed.ts';
import type { ChangeContext, OrganisationReader, ReadContext } from './context.ts';
import type { SbomFormat } from './sbom/form.ts';

export interface PackageListView extends Pick<PackageListRow, 'state' | 'reason' | 'listedAt'> {
  image: Image;
  /** Null unless it is listed. */
  list: PackageList | null;
}

/** The image and the layer on top of it. Throws `not_found` and `image_not_available`. */
export async function imageWithLayer(
  work: Pick<OrganisationReader, 'images'>,
  id: ImageId,
): Promise<{ image: Image; layerId: LayerId }> {
  const image = await work.images.get(id);
  if (image.status === 'available' && image.layerId !== null)
    return { image, layerId: image.layerId };
  throw new AppError(
    'image_not_available',
    `Image ${id} is ${image.status}; only an available image has a list of packages.`,
  );
}

async function listIn(row: PackageListRow | undefined): Promise<PackageList | null> {
  if (row?.state !== 'listed' || row.content === null) return null;
  return parsePackageList(await unpackText(row.content, packageListBytesMax));
}

/** Throws `not_found` and `image_not_available`. */
export async function imagePackages(
  { work }: Pick<ReadContext, 'work'>,
  id: ImageId,
): Promise<PackageListView> {
  const { image, layerId } = await imageWithLayer(work, id);
  const row = await work.packageLists.find(layerId);
  const { state = 'wanted', reason = null, listedAt = null } = row ?? {};
  return { image, state, reason, listedAt, list: await listIn(row) };
}

/** Wants the list anew. Throws like `imagePackages`, and `invalid` where no lists are read. */
export async function imagePackagesRead(
  { work, touched, assertEngineHas }: ChangeContext,
  id: ImageId,
): Promise<PackageListView> {
  const { image, layerId } = await imageWithLayer(work, id);
  assertEngineHas('packages');
  touched({ imageId: id });
  await work.packageLists.wantAgain(layerId);
  return { image, state: 'wanted', reason: null, listedAt: null, list: null };
}

/** The list of a thing. Throws `conflict` when there is none, with the reason. */
function listed(
  what: string,
  { state, reason, list }: Omit<PackageListView, 'image' | 'listedAt'>,
  again: string,
): PackageList {
  if (list) return list;
  throw new AppError(
    'conflict',
    state === 'unread'
      ? `The packages of ${what} could not be listed: ${reason} ${again}`
      : `The packages of ${what} are being listed; ask again in a moment.`,
  );
}

const again = (id: ImageId) =>
  `(To try again: silversmith image packages ${id} --again, or POST /images/${id}/packages.)`;

async function listOf(context: Pick<ReadContext, 'work'>, id: ImageId) {
  const view = await imagePackages(context, id);
  return { ...view, list: listed(`image ${id}`, view, again(id)) };
}

/** A document of the list. Throws like `imagePackages`, and `conflict` when there is no list. */
export async function imageSbom(
  context: ReadContext,
  id: ImageId,
  format: SbomFormat,
): Promise<{ mediaType: string; document: string }> {
  const { image, list, listedAt } = await listOf(context, id);
  // The library of the standard forms takes long to load, and few callers need it.
  const { documentOf } = await import('./sbom/document.ts');
  return documentOf(format, { name: image.name, id, listedAt: listedAt ?? 0, list });
}

/**
 * How the packages of an image differ from those of an earlier one, or of its base. Throws like
 * `imageSbom`.
 */
export async function imageDiff(
  context: ReadContext,
  id: ImageId,
  from: ImageId | null,
): Promise<PackageDifference & { from: string; notes: string[] }> {
  const after = await listOf(context, id);
  const before = from === null ? await baseOf(context, id) : await earlier(context, from);
  return {
    ...comparePackages(before.list, after.list),
    from: before.name,
    notes: [...new Set([...before.list.notes, ...after.list.notes])],
  };
}

async function earlier(context: ReadContext, id: ImageId) {
  const { image, list } = await listOf(context, id);
  return { name: image.name, list };
}

/** The list of the base at the end of an image's chain. */
async function baseOf({ work }: ReadContext, id: ImageId) {
  const { layerId } = await imageWithLayer(work, id);
  const { baseLayerId } = await work.layers.get(layerId);
  const base = (await work.bases.list()).find((one) => one.layerId === baseLayerId);
  if (!base)
    throw new AppError(
      'conflict',
      `Image ${id} stands on no base that is here; name the image that it is to be compared with.`,
    );
  const row = await work.packageLists.find(baseLayerId);
  const { state = 'wanted', reason = null } = row ?? {};
  const view = { state, reason, list: await listIn(row) };
  return { name: base.name, list: listed(`the base ${base.name}`, view, '') };
}
