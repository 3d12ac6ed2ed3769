// How the files of an image differ from those of an earlier one, or of its base. A request asks for
// it, the reconciler finds it, and it is shown here.

import { AppError } from '../domain/error.ts';
import {
  type FileDifference,
  type FileDifferenceRow,
  fileDifferenceBytesMax,
  fileDifferencesKeptMax,
  parseFileDifference,
} from '../domain/file-difference.ts';
import type { ImageId } from '../domain/ids.ts';
import { unpackText } from '../lib/packed.ts';
import type { FilePair } from '../store/port/file-difference.ts';
import type { ChangeContext, OrganisationReader, ReadContext } from './context.ts';
import { imageWithLayer } from './package-list.ts';

interface FileDifferenceView extends Pick<FileDifferenceRow, 'state' | 'reason'> {
  /** Null unless it is listed. */
  difference: FileDifference | null;
}

/** Throws `not_found` and `image_not_available`. */
async function pairOf(
  work: Pick<OrganisationReader, 'images' | 'layers'>,
  id: ImageId,
  from: ImageId | null,
): Promise<FilePair> {
  const { layerId: toLayerId } = await imageWithLayer(work, id);
  if (from === null)
    return { toLayerId, fromLayerId: (await work.layers.get(toLayerId)).baseLayerId };
  return { toLayerId, fromLayerId: (await imageWithLayer(work, from)).layerId };
}

/**
 * Asks for the difference; one that is known stays. Throws `not_found`, `image_not_available`, and
 * `invalid` where no disks are read.
 */
export async function imageFileDiffRead(
  { work, touched, assertEngineHas }: ChangeContext,
  id: ImageId,
  from: ImageId | null,
): Promise<FileDifferenceView> {
  const pair = await pairOf(work, id, from);
  assertEngineHas('packages');
  touched({ imageId: id });
  await work.fileDifferences.want(pair, fileDifferencesKeptMax);
  const { state = 'wanted', reason = null } = (await work.fileDifferences.find(pair)) ?? {};
  return { state, reason, difference: null };
}

/** Throws `not_found`, `image_not_available`, and `conflict` when nobody has asked for it. */
export async function imageFileDiff(
  { work }: ReadContext,
  id: ImageId,
  from: ImageId | null,
): Promise<FileDifferenceView> {
  const pair = await pairOf(work, id, from);
  const row = await work.fileDifferences.find(pair);
  if (!row)
    throw new AppError(
      'conflict',
      `The files of image ${id} were not compared yet; ask for it: POST /images/${id}/diff/files`,
    );
  const { state, reason, content } = row;
  if (content === null) return { state, reason, difference: null };
  const text = await unpackText(content, fileDifferenceBytesMax);
  return { state, reason, difference: parseFileDifference(text) };
}
