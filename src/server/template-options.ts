// The settings of templates, from whose memory machines start at once.

import { decimal, oneOf } from '../cli/parse.ts';
import { inUnits, setting } from '../cli/setting.ts';
import { templatePolicies } from '../domain/template.ts';
import { defaultSettings, type Settings } from '../reconcile/context.ts';

export const templateSettings = {
  templates: setting({
    option: '--templates <when>',
    variable: 'SILVERSMITH_TEMPLATES',
    parse: oneOf(...templatePolicies),
    default: defaultSettings.templatePolicy,
    help: 'for which images templates are made, so that machines start at once: always, on-assignment, never; organisations and images may say otherwise',
  }),
  templateGb: setting({
    option: '--template-gb <number>',
    variable: 'SILVERSMITH_TEMPLATE_GB',
    ...inUnits(1024 ** 3, decimal(0, 1e6), defaultSettings.templateBytesMax),
    help: 'the most GB that templates may take; the least recently used give way',
  }),
};

export const templateConfig = (given: {
  templates: Settings['templatePolicy'];
  templateGb: number;
}): Partial<Settings> => ({
  templatePolicy: given.templates,
  templateBytesMax: given.templateGb,
});
