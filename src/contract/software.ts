// Software and base images on the wire.

import { Type } from 'typebox';
import { resource } from './envelope.ts';

const sized = (what: string) => ({
  id: Type.Integer({ description: `${what} ID` }),
  name: Type.String({ description: `${what} name` }),
  size: Type.Number({ description: `${what} size in GB` }),
});

export const Software = Type.Object(sized('Software'), { title: 'Software' });
export const SoftwareData = resource('software', 'SoftwareData', Software);

/**
 * Items of `GET /software` bear their fields both flat and under `attributes`, since clients in use
 * read either.
 */
const catalogued = <Name extends string>(type: Name, title: string, what: string) =>
  Type.Object(
    {
      ...sized(what),
      type: Type.Unsafe<Name>({ type: 'string', enum: [type] }),
      attributes: Type.Object(sized(what)),
    },
    { title },
  );

export const CatalogueSoftware = catalogued('software', 'CatalogueSoftware', 'Software');
export const CatalogueBaseImage = catalogued('base_image', 'CatalogueBaseImage', 'Base image');
