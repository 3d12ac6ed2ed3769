// The schema's history, one file for each change. Never edit a released migration: add a new one at
// the end. Write it in SQL that SQLite and PostgreSQL both take, with IDENTITY where a primary key
// counts up.

import type { Migration } from 'kysely/migration';
import { firstLight } from './0001-first-light.ts';
import { audit } from './0002-audit.ts';
import { access } from './0003-access.ts';
import { layers } from './0004-layers.ts';
import { transfers } from './0005-transfers.ts';
import { generalize } from './0006-generalize.ts';
import { hold } from './0007-hold.ts';
import { lostKey } from './0008-lost-key.ts';
import { holders } from './0009-holders.ts';
import { provedBases } from './0010-proved-bases.ts';
import { signatures } from './0011-signatures.ts';
import { paused } from './0012-paused.ts';
import { rootsAndOwners } from './0013-roots-and-owners.ts';
import { consoles } from './0014-consoles.ts';
import { foldedNames } from './0015-folded-names.ts';
import { words } from './0016-words.ts';
import { jobFacts } from './0017-job-facts.ts';
import { layerCopies } from './0018-layer-copies.ts';
import { bootProfiles } from './0019-boot-profiles.ts';
import { operatorAudit } from './0020-operator-audit.ts';
import { search } from './0021-search.ts';
import { replicas } from './0022-replicas.ts';
import { places } from './0023-places.ts';
import { largeFleets } from './0024-large-fleets.ts';
import { keptCounts } from './0025-kept-counts.ts';
import { events } from './0026-events.ts';
import { webhooks } from './0027-webhooks.ts';
import { operatorKeys } from './0028-operator-keys.ts';
import { webhookCare } from './0029-webhook-care.ts';
import { account } from './0030-account.ts';
import { fairClaims } from './0031-fair-claims.ts';
import { nothingForEver } from './0033-nothing-for-ever.ts';
import { cancelledJobs } from './0034-cancelled-jobs.ts';
import { operatorUploads } from './0035-operator-uploads.ts';
import { packageLists } from './0036-package-lists.ts';
import { templates } from './0037-templates.ts';
import { screen } from './0038-screen.ts';
import { networks } from './0039-networks.ts';
import { machineLives } from './0041-machine-lives.ts';
import { rootSystems } from './0042-root-systems.ts';
import { intakes } from './0043-intakes.ts';
import { templateDisks } from './0045-template-disks.ts';
import type { Declarations, MigrationFor } from './statements.ts';

const all: Record<string, MigrationFor> = {
  '0001-first-light': firstLight,
  '0002-audit': audit,
  '0003-access': access,
  '0004-layers': layers,
  '0005-transfers': transfers,
  '0006-generalize': generalize,
  '0007-hold': hold,
  '0008-lost-key': lostKey,
  '0009-holders': holders,
  '0010-proved-bases': provedBases,
  '0011-signatures': signatures,
  '0012-paused': paused,
  '0013-roots-and-owners': rootsAndOwners,
  '0014-consoles': consoles,
  '0015-folded-names': foldedNames,
  '0016-words': words,
  '0017-job-facts': jobFacts,
  '0018-layer-copies': layerCopies,
  '0019-boot-profiles': bootProfiles,
  '0020-operator-audit': operatorAudit,
  '0021-search': search,
  '0022-replicas': replicas,
  '0023-places': places,
  '0024-large-fleets': largeFleets,
  '0025-kept-counts': keptCounts,
  '0026-events': events,
  '0027-webhooks': webhooks,
  '0028-operator-keys': operatorKeys,
  '0029-webhook-care': webhookCare,
  '0030-account': account,
  '0031-fair-claims': fairClaims,
  '0033-nothing-for-ever': nothingForEver,
  '0034-cancelled-jobs': cancelledJobs,
  '0035-operator-uploads': operatorUploads,
  '0036-package-lists': packageLists,
  '0037-templates': templates,
  '0038-screen': screen,
  '0039-networks': networks,
  '0041-machine-lives': machineLives,
  '0042-root-systems': rootSystems,
  '0043-intakes': intakes,
  '0045-template-disks': templateDisks,
};

/**
 * The migrations beside which an older server may go on, during the upgrade of several servers:
 * they add things that may stay empty, and take nothing away. What they replace goes with a later
 * one.
 */
export const additions: readonly string[] = [
  '0025-kept-counts',
  '0026-events',
  '0027-webhooks',
  '0028-operator-keys',
  '0029-webhook-care',
  '0030-account',
  '0031-fair-claims',
  '0033-nothing-for-ever',
  '0034-cancelled-jobs',
  '0035-operator-uploads',
  '0036-package-lists',
  '0037-templates',
  '0038-screen',
  '0039-networks',
  '0041-machine-lives',
  '0042-root-systems',
  '0043-intakes',
  '0045-template-disks',
];

/** All migrations by name, in order, in the declarations of a database. */
export const migrations = (declared: Declarations): Record<string, Migration> =>
  Object.fromEntries(Object.entries(all).map(([name, make]) => [name, make(declared)]));
