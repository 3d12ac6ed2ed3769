// The catalogue as callers see it: the software that can be installed, and the base images, without
// what is retired.

import { isOffered } from '../domain/offer.ts';
import type { ReadContext } from './context.ts';

export const softwareList = async ({ work }: ReadContext) => ({
  software: (await work.software.list()).filter(isOffered),
  bases: (await work.bases.list()).filter(isOffered),
});
