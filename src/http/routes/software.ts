// The catalogue between the wire and the application. Each item has its fields both flat and under
// `attributes`, because clients in use read either.

import { softwareList } from '../../app/software.ts';
import type { Software } from '../../domain/software.ts';
import type { Handlers } from '../handler.ts';

const item = <Type extends string>(
  type: Type,
  { id, name, sizeGb, version }: Pick<Software, 'name' | 'sizeGb' | 'version'> & { id: number },
) => {
  const fields = { id, name, size: sizeGb, version };
  return { ...fields, type, attributes: fields };
};

export const softwareHandlers: Handlers<'softwareList'> = {
  async softwareList(context) {
    const { software, bases } = await softwareList(context);
    return {
      software: software.map((one) => item('software', one)),
      base_images: bases.map((base) => item('base_image', base)),
    };
  },
};
