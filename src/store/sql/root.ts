// Queries on the roots of chains and their boot profiles, which are kept as JSON.

import type { Kysely } from 'kysely';
import type { BootProfile } from '../../domain/boot.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { Database } from './schema.ts';

export interface Root {
  id: LayerId;
  boot: BootProfile;
}

/** A text in the JSON has its quotes escaped, so the pattern is the name of a field. */
export async function boardlessRoots(db: Kysely<Database>): Promise<Root[]> {
  const rows = await db
    .selectFrom('layer')
    .select(['id', 'boot'])
    .where('boot', 'is not', null)
    .where('boot', 'not like', '%"board":%')
    .execute();
  return rows.flatMap(({ id, boot }) => (boot === null ? [] : [{ id, boot: JSON.parse(boot) }]));
}
