// The things that a job works on become columns, and the ids that it began become rows, so that
// both can be found without reading the job's data. A named lease lets one server at a time run a
// task.

import { type Kysely, sql } from 'kysely';
import { type MigrationFor, statements } from './statements.ts';

const tables = statements(`
alter table job add column transfer_id text;
alter table job add column layer_id text;
alter table job add column failures integer not null default 0;
create table begun (
  job_id bigint not null references job (id) on delete cascade, name text not null, id text not null,
  primary key (job_id, name));
create table lease (name text primary key, owner text not null, until bigint not null)`);

interface OldData {
  transferId?: string;
  layerId?: string;
  healLayerId?: string;
  generalId?: string;
  diskId?: string;
  failures?: number;
}

/** The names of the ids that each kind of job began. */
const begunBy: Record<string, Partial<Record<keyof OldData, string>>> = {
  imageCapture: { layerId: 'layer', generalId: 'generalised layer' },
  imageImport: { layerId: 'layer' },
  machineStart: { diskId: 'disk' },
};

async function moveFacts(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ id: number; kind: string; data: string }>`
    select id, kind, data from job`.execute(db);
  for (const { id, kind, data } of rows) {
    const old = JSON.parse(data) as OldData;
    const { transferId, layerId, healLayerId, generalId, diskId, failures, ...rest } = old;
    const subject = kind === 'layerCompact' ? layerId : healLayerId;
    await sql`update job set data = ${JSON.stringify(rest)}, transfer_id = ${transferId ?? null},
      layer_id = ${subject ?? null}, failures = ${failures ?? 0} where id = ${id}`.execute(db);
    for (const [field, name] of Object.entries(begunBy[kind] ?? {})) {
      const begun = old[field as keyof OldData];
      if (begun !== undefined)
        await sql`insert into begun (job_id, name, id) values (${id}, ${name}, ${begun})`.execute(
          db,
        );
    }
  }
}

export const jobFacts: MigrationFor = (types) => ({
  async up(db: Kysely<unknown>) {
    await tables(types).up(db);
    await moveFacts(db);
  },
});
