// For which images templates are made, from whose memory machines start at once.

import type { ImageId } from '../domain/ids.ts';
import { asksForTemplates, type TemplatePolicy } from '../domain/template.ts';
import type { ChangeContext } from './context.ts';
import { type ImageView, imageGet } from './image.ts';

/**
 * Sets when templates of an image are made; null: as for its organisation. What is made already and
 * may not be is removed soon. Throws `not_found`, and `invalid` where no templates are made.
 */
export async function imageTemplatesSet(
  context: ChangeContext,
  id: ImageId,
  templates: TemplatePolicy | null,
): Promise<ImageView> {
  const { work, touched } = context;
  await work.images.get(id);
  if (asksForTemplates(templates)) context.assertEngineHas('instant');
  touched({ imageId: id });
  await work.images.update(id, { templates });
  return imageGet(context, id);
}
