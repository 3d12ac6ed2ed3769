// Lists of packages as documents of two standard forms. Each document follows from the list alone,
// so the same list gives the same text. Long lists are written in portions, so that other requests
// are answered meanwhile.

import { portionsOf } from '../../lib/portions.ts';
import { cyclonedx } from './cyclonedx.ts';
import type { SbomFormat, Subject } from './form.ts';
import { spdx } from './spdx.ts';

const portion = 500;

export async function documentOf(
  format: SbomFormat,
  subject: Subject,
): Promise<{ mediaType: string; document: string }> {
  const form = (format === 'spdx' ? spdx : cyclonedx)(subject);
  const pieces = form.more.map((one) => JSON.stringify(one));
  let position = 0;
  for await (const packages of portionsOf(subject.list.packages, portion))
    for (const one of packages) pieces.push(JSON.stringify(form.item(one, ++position)));
  const head = JSON.stringify(form.head).slice(0, -1);
  const document = `${head},${JSON.stringify(form.listField)}:[\n${pieces.join(',\n')}\n]}\n`;
  return { mediaType: form.mediaType, document };
}
