// Organisations, for the operator: the scope does not matter here.

import type { OrganisationId } from '../../domain/ids.ts';
import type { Quotas } from '../../domain/organisation.ts';
import type { TemplatePolicy } from '../../domain/template.ts';

export interface OrganisationReader {
  /** All organisations, in order of id. */
  list(): Promise<{ id: OrganisationId; name: string }[]>;
  /** Whether there are two or more. */
  areSeveral(): Promise<boolean>;
  /** Throws not-found. */
  byName(name: string): Promise<OrganisationId>;
  /** The quotas of an organisation, with the defaults for those that were not set. */
  quotas(id: OrganisationId): Promise<Quotas>;
}

export interface OrganisationWriter extends OrganisationReader {
  /** The organisation of a name; it is added when there is none. Idempotent. */
  ensure(name: string): Promise<OrganisationId>;
  /** Replaces the quotas; those that are not given have their default again. */
  setQuotas(id: OrganisationId, quotas: Partial<Quotas>): Promise<void>;
  /** Sets whether captures are generalised unless a request says otherwise. */
  setGeneralize(id: OrganisationId, on: boolean): Promise<void>;
  /** Sets for which of its images templates are made; null: as for the whole installation. */
  setTemplates(id: OrganisationId, policy: TemplatePolicy | null): Promise<void>;
}
