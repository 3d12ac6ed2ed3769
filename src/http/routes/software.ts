// The catalogue between the wire and the store. Items bear their fields both flat and under
// `attributes`.

import type { Handlers } from '../handler.ts';

const item = <Type extends string>(
  type: Type,
  { id, name, sizeGb }: { id: number; name: string; sizeGb: number },
) => {
  const fields = { id, name, size: sizeGb };
  return { ...fields, type, attributes: fields };
};

export const softwareRoutes: Handlers<'softwareList'> = {
  softwareList: async ({ work }) => ({
    software: (await work.software.list()).map((software) => item('software', software)),
    base_images: (await work.bases.list()).map((base) => item('base_image', base)),
  }),
};
