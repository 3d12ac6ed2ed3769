// Lists of packages between the wire and the application.

import { imageFileDiff, imageFileDiffRead } from '../../app/file-difference.ts';
import {
  imageDiff,
  imagePackages,
  imagePackagesRead,
  imageSbom,
  type PackageListView,
} from '../../app/package-list.ts';
import type { Answer } from '../../contract/table.ts';
import type { FileFacts } from '../../domain/file-difference.ts';
import { dateOrNull, type Handlers } from '../handler.ts';

const present = ({
  image,
  state,
  reason,
  listedAt,
  list,
}: PackageListView): Answer<'imagePackages'> => ({
  id: String(image.id),
  type: 'package_list',
  attributes: {
    state,
    reason,
    listed_at: dateOrNull(listedAt),
    system: list?.system ?? null,
    count: list?.packages.length ?? 0,
    packages: list?.packages ?? [],
    notes: list?.notes ?? [],
  },
});

const factsOf = (one: FileFacts | null) =>
  one && {
    kind: one.kind,
    size_bytes: one.sizeBytes,
    mode: one.mode,
    uid: one.uid,
    gid: one.gid,
    modified_s: one.modifiedS,
  };

const presentFiles = (
  id: number,
  { state, reason, difference }: Awaited<ReturnType<typeof imageFileDiff>>,
): Answer<'imageFileDiff'> => ({
  id: String(id),
  type: 'file_difference',
  attributes: {
    state,
    reason,
    changes: (difference?.changes ?? []).map(({ path, before, after }) => ({
      path,
      before: factsOf(before),
      after: factsOf(after),
    })),
    notes: difference?.notes ?? [],
  },
});

export const packageListHandlers: Handlers<
  | 'imageFileDiff'
  | 'imageFileDiffRead'
  | 'imagePackages'
  | 'imagePackagesRead'
  | 'imageSbom'
  | 'imageDiff'
> = {
  imageFileDiff: async (context, { params, query }) =>
    presentFiles(params.id, await imageFileDiff(context, params.id, query.from ?? null)),
  imageFileDiffRead: async (context, { params, body }) =>
    presentFiles(params.id, await imageFileDiffRead(context, params.id, body.from ?? null)),
  imagePackages: async (context, { params }) => present(await imagePackages(context, params.id)),
  imagePackagesRead: async (context, { params }) =>
    present(await imagePackagesRead(context, params.id)),
  async imageSbom(context, { params, query }) {
    const { format = 'cyclonedx' } = query;
    const { mediaType, document } = await imageSbom(context, params.id, format);
    const attributes = { format, media_type: mediaType, document };
    return { id: String(params.id), type: 'sbom', attributes };
  },
  async imageDiff(context, { params, query }) {
    const attributes = await imageDiff(context, params.id, query.from ?? null);
    return { id: String(params.id), type: 'image_difference', attributes };
  },
};
