// Lists of packages between the wire and the application.

import {
  imageDiff,
  imagePackages,
  imagePackagesRead,
  imageSbom,
  type PackageListView,
} from '../../app/package-list.ts';
import type { Answer } from '../../contract/table.ts';
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

export const packageListHandlers: Handlers<
  'imagePackages' | 'imagePackagesRead' | 'imageSbom' | 'imageDiff'
> = {
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
