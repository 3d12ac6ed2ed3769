// Software and base images on the wire.

import { Type } from 'typebox';
import { NullableString, resource } from './envelope.ts';
import { Extension } from './extension.ts';
import { define } from './operation.ts';

const sized = (what: string) => ({
  id: Type.Integer({ description: `${what} ID` }),
  name: Type.String({ description: `${what} name` }),
  size: Type.Number({ description: `${what} size in GB` }),
});

const versioned = (what: string) => ({
  ...sized(what),
  version: Extension(NullableString('The version in its name; null when it has none')),
});

export const Software = Type.Object(sized('Software'), { title: 'Software' });

export const SoftwareData = resource('software', 'SoftwareData', Software);

/**
 * An item of `GET /software` has its fields both flat and under `attributes`, because clients in
 * use read either.
 */
const catalogued = <Name extends string>(type: Name, title: string, what: string) =>
  Type.Object(
    {
      ...versioned(what),
      type: Type.Unsafe<Name>({ type: 'string', enum: [type] }),
      attributes: Type.Object(versioned(what)),
    },
    { title },
  );

const CatalogueSoftware = catalogued('software', 'CatalogueSoftware', 'Software');

const CatalogueBaseImage = catalogued('base_image', 'CatalogueBaseImage', 'Base image');

export const softwareOperations = {
  softwareList: define({
    method: 'GET',
    path: '/software',
    tag: 'Software',
    summary: 'List the software that can be installed and the base images',
    permission: 'software:read',
    response: {
      software: Type.Array(CatalogueSoftware),
      base_images: Type.Array(CatalogueBaseImage),
    },
    errors: [],
  }),
} as const;
