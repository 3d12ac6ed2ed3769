// Templates of operators, between the wire and the functions of the operator.

import { templateDelete, templateList, templateMake } from '../../../app/operator/template.ts';
import { toWire } from '../../../lib/wire-form.ts';
import type { OperatorHandlers } from './handler.ts';

export const templateHandlers: Pick<
  OperatorHandlers,
  'templateList' | 'templateMake' | 'templateDelete'
> = {
  templateList: async ({ store }) => ({ templates: toWire(await templateList(store)) }),
  templateMake: async ({ operator, engine }, { body: { image_id: imageId, ...body } }) => ({
    templates: toWire(
      await templateMake(operator, engine(), { imageId, machineTypeId: body.machine_type_id }),
    ),
  }),
  async templateDelete({ operator }, { params: { id } }) {
    await templateDelete(operator, id);
    return {};
  },
};
