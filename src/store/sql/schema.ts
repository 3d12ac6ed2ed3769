// The tables, as types. Times are integers, ms since 1970; yes-or-no facts are times that are null
// for no; lists are JSON text. The columns are snake_case in SQL and camelCase here.

import { type Generated, type Insertable, type Kysely, sql, type Transaction } from 'kysely';
import type { Freeze } from '../../domain/host.ts';
import type {
  BaseImageId,
  ImageId,
  JobId,
  KeyId,
  LayerId,
  MachineId,
  MachineTypeId,
  OrganisationId,
  SoftwareId,
  TransferId,
} from '../../domain/ids.ts';
import type { Image } from '../../domain/image.ts';
import type { Begun, Job } from '../../domain/job.ts';
import type { Disk, Layer } from '../../domain/layer.ts';
import type { Machine } from '../../domain/machine.ts';
import type { OperatorEntry } from '../../domain/operator-entry.ts';
import type { BaseImage, Software } from '../../domain/software.ts';
import type { Transfer } from '../../domain/transfer.ts';
import { fold } from '../../lib/fold.ts';

type Row<Value, Id, Json extends keyof Value = never> = Omit<Value, 'id' | Json> & {
  id: Generated<Id>;
} & {
  [Key in Json]: string;
};

/** One step of an image's creation. */
export interface BuildStep {
  position: number;
  softwareId: SoftwareId;
  cache: 'hit' | 'miss';
  exitCode: number | null;
  durationMs: number;
  /** What the recipe printed, bounded by the engine. */
  output: string;
}

/** What somebody did, or tried to do, over the API. */
export interface AuditEntry {
  id: number;
  keyId: KeyId;
  action: string;
  imageId: ImageId | null;
  machineId: MachineId | null;
  transferId: TransferId | null;
  requestId: string;
  /** 200, or the client_code with which it was refused. */
  clientCode: number;
  createdAt: number;
}

/** Something that an engine keeps and the store does not know. */
export interface Orphan {
  kind: 'layer' | 'disk';
  id: string;
  bytes: number;
  seenAt: number;
}

/** A link that opens a machine's screen; its secret part is kept as a hash. */
export interface AccessLink {
  uid: string;
  tokenHash: string;
  organisationId: OrganisationId;
  machineId: MachineId;
  keyId: KeyId;
  expiresAt: number;
  usedAt: number | null;
  createdAt: number;
}

export interface Database {
  organisation: {
    id: Generated<OrganisationId>;
    name: string;
    createdAt: number;
    quotas: Generated<string>;
    generalizeAt: number | null;
  };
  accessKey: {
    id: KeyId;
    organisationId: OrganisationId;
    name: string;
    secretSealed: string;
    masterKeyId: string;
    permissions: string;
    createdAt: number;
    revokedAt: number | null;
    expiresAt: number | null;
    lastUsedAt: number | null;
  };
  accessLink: AccessLink;
  machineType: {
    id: Generated<MachineTypeId>;
    name: string;
    code: string;
    cpus: number;
    memoryMb: number;
    diskSizeGb: number;
    createdAt: number;
  };
  baseImage: Row<BaseImage, BaseImageId>;
  software: Row<Software, SoftwareId, 'recipe'>;
  layer: Omit<Layer, 'boot'> & { boot: string | null };
  image: Row<Image, ImageId> & { nameFolded: string };
  imageSoftware: { imageId: ImageId; softwareId: SoftwareId; position: number };
  buildStep: BuildStep & { imageId: ImageId };
  disk: Disk;
  machineConsole: { machineId: MachineId; shown: string; keptAt: number };
  machine: Row<Omit<Machine, 'lostPendingAt'>, MachineId, 'permissions'> & { nameFolded: string };
  job: Row<Job, JobId, 'data'>;
  begun: Begun;
  lease: { name: string; owner: string; until: number };
  idempotency: {
    keyId: KeyId;
    idempotencyKey: string;
    requestDigest: string;
    answer: string;
    expiresAt: number;
  };
  audit: Row<AuditEntry, number> & { organisationId: OrganisationId };
  operatorAudit: Row<OperatorEntry, number>;
  /** `deletedAt`: hidden since then; its file is going. */
  transfer: Transfer & { deletedAt: number | null };
  orphan: Orphan;
  host: { id: number; totalBytes: number; freeBytes: number; seenAt: number };
  freeze: { what: Freeze; holder: string; until: number };
  steady: { id: number; seenAt: number; waiting: string | null; brakes: string };
  signature: { keyId: KeyId; signature: string; expiresAt: number };
}

export type Db = Kysely<Database> | Transaction<Database>;

/**
 * What a handle may see: one organisation's things, or (for the reconciler and the local command
 * line) everything.
 */
export type Scope = OrganisationId | 'system';

/**
 * A list of ids as one parameter, to look for with `in`: a list of any length is the same
 * statement, and none has too many variables. SQLite's own; another database has a function of its
 * own for it.
 */
export const among = <Id extends number | string>(ids: readonly Id[]) =>
  sql<Id>`(select value from json_each(${JSON.stringify(ids)}))`;

/**
 * Adds rows, which all have the same columns. Like `among` it is one statement for any number of
 * them.
 */
export async function insertAll<Table extends keyof Database & string>(
  db: Db,
  table: Table,
  rows: readonly Insertable<Database[Table]>[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  if (columns.length === 0) return;
  const values = columns.map((column) => sql`json_extract(value, ${sql.lit(`$.${column}`)})`);
  await sql`insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))})
    select ${sql.join(values)} from json_each(${JSON.stringify(rows)})`.execute(db);
}

/** The ids of a layer and of all that stands on it, at any depth, to look for with `in`. */
export const layersAbove = (id: LayerId) => sql<LayerId>`(
  with recursive above (id) as (
    select id from layer where id = ${id} union select layer.id from layer join above on layer.parent_id = above.id)
  select id from above)`;

/**
 * Whether a folded name contains a text anywhere; `%`, `_` and `\` in the text are taken literally.
 * No name holds a NUL.
 */
export const contains = (text: string) => {
  // SQLite's `like` reads no further than a NUL.
  if (text.includes('\0')) return sql<boolean>`1 = 0`;
  const pattern = `%${fold(text).replaceAll(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`name_folded like ${pattern} escape '\\'`;
};
