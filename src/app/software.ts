// The catalogue as callers see it: the software that can be installed, and the base images.

import type { ReadContext } from './context.ts';

export const softwareList = async ({ work }: ReadContext) => ({
  software: await work.software.list(),
  bases: await work.bases.list(),
});
