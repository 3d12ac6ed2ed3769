// Organisations: their quotas, and whether their captures are generalised.

import type { OrganisationId } from '../../domain/ids.ts';
import type { Quotas } from '../../domain/organisation.ts';
import { asksForTemplates, type TemplatePolicy } from '../../domain/template.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';

interface ListedOrganisation {
  id: OrganisationId;
  name: string;
  quotas: Quotas;
  images: number;
  machines: number;
  /** Images that are being made. */
  builds: number;
  storedGb: number;
}

export async function organisationList(store: Store): Promise<ListedOrganisation[]> {
  const all = await store.read('system', (work) => work.organisations.list());
  const listed: ListedOrganisation[] = [];
  for (const { id, name } of all)
    listed.push(
      await store.read(id, async ({ usage }) => {
        const { quotas, used } = await usage.of(['images', 'machines', 'builds', 'storedGb']);
        return { id, name, quotas, ...used };
      }),
    );
  return listed;
}

/** Sets whether captures are generalised by default. Throws not-found. */
export const organisationGeneralize = change(
  'organisationGeneralize',
  (name: string, on: boolean) => `organisation ${name}: ${on ? 'on' : 'off'}`,
  ({ store }, name, on) =>
    store.write('system', async (work) =>
      work.organisations.setGeneralize(await work.organisations.byName(name), on),
    ),
);

/**
 * Sets when templates of its images are made, unless an image says otherwise; null: as the setting
 * of the server says. Throws not-found, and `invalid` where no templates are made.
 */
export const organisationTemplatesSet = change(
  'organisationTemplatesSet',
  (_engine: Engine, name: string, policy: TemplatePolicy | null) =>
    `organisation ${name}: ${policy ?? 'inherit'}`,
  ({ store }, engine, name, policy) => {
    if (asksForTemplates(policy)) requirePart(engine, 'instant');
    return store.write('system', async (work) =>
      work.organisations.setTemplates(await work.organisations.byName(name), policy),
    );
  },
);

/** Changes the quotas that are given, and returns all of them. Throws not-found. */
export const organisationQuotaSet = change(
  'organisationQuotaSet',
  (name: string, given: Partial<Quotas>) => `organisation ${name}: ${JSON.stringify(given)}`,
  ({ store }, name, given) =>
    store.write('system', async (work): Promise<Quotas> => {
      const id = await work.organisations.byName(name);
      const quotas = { ...(await work.organisations.quotas(id)), ...given };
      await work.organisations.setQuotas(id, quotas);
      return quotas;
    }),
);
