// How images are shown: one row each.

import type { Answer } from '../../contract/table.ts';
import { table } from '../output.ts';

export type Image = Answer<'imageGet'>;

const headings = ['ID', 'NAME', 'GB', 'STATUS', 'SOURCE', 'SOFTWARE'];
const row = ({ attributes: image }: Image) => [
  ...[image.id, image.name, image.size, image.status, image.source],
  image.softwares.map((one) => one.attributes.name).join(', '),
];

export const imageTable = (images: readonly Image[]): string => table(headings, images.map(row));
