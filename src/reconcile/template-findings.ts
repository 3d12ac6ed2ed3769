// The doctor's findings about templates: the rows of the store beside what the engine keeps. All
// functions here are pure.

import type { TemplateId } from '../domain/ids.ts';
import type { Template } from '../domain/template.ts';
import type { Finding } from './findings.ts';

/** So often in a row a template fails before it is worth a look. */
const failuresMax = 3;

export function templateFindings(
  templates: readonly Template[],
  has: ReadonlyMap<TemplateId, number>,
): Finding[] {
  const known = new Set(templates.map(({ id }) => id));
  return [
    ...templates.flatMap((one) => findingOf(one, has) ?? []),
    ...[...has.keys()]
      .filter((id) => !known.has(id))
      .map(
        (id): Finding => ({
          severity: 'warning',
          subject: `template ${id}`,
          found: 'is on the disk of the host, and the store does not know it',
          cure: 'nothing: the server removes it after a day',
        }),
      ),
  ];
}

function findingOf(
  { id, state, failures, reason }: Template,
  has: ReadonlyMap<TemplateId, number>,
): Finding | null {
  const subject = `template ${id}`;
  if (state === 'ready' && !has.has(id))
    return {
      severity: 'warning',
      subject,
      found: 'is missing on the disk of the host; machines of its image boot meanwhile',
      cure: 'start the server: it makes the template again',
    };
  if (state === 'failed' && failures >= failuresMax)
    return {
      severity: 'warning',
      subject,
      found: `could not be made ${failures} times: ${reason ?? 'the reason is not known'}`,
      cure: 'machines of its image boot meanwhile; mend the image, or make no templates of it: silversmith image templates never IMAGE',
    };
  return null;
}
