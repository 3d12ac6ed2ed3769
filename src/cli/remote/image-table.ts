// The columns in which images are shown.

import type { Answer } from '../../contract/table.ts';
import { type Columns, tableOf } from '../listing.ts';
import type { Terminal } from '../output.ts';

export type Image = Answer<'imageGet'>;

export const imageColumns: Columns<Image> = {
  ID: ({ attributes: image }) => image.id,
  NAME: ({ attributes: image }) => image.name,
  GB: ({ attributes: image }) => image.size,
  STATUS: ({ attributes: image }) => image.status,
  SOURCE: ({ attributes: image }) => image.source,
  SOFTWARE: ({ attributes: image }) => image.softwares.map((one) => one.attributes.name).join(', '),
};

export const imageTable = ({ columns }: Terminal, images: readonly Image[]): string =>
  tableOf(imageColumns, images, columns);
