// A SQLite store with rows in every table, for the tests of copies. The rows have values that
// databases may treat in their own ways: a NUL, characters of four bytes, the largest whole number.

import { DatabaseSync } from 'node:sqlite';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { at, type Row } from '../contract/upgrade/rows.ts';
import { versions } from '../contract/upgrade/schemas.ts';
import { runIn } from '../simulator/demo.ts';
import { storeOf } from '../sqlite/schemas.ts';
import { type Scope, temporaryFolder } from '../support.ts';

const odd = `it's "odd" \\ \u{1F5BC} Ω\n\t`;

/** Rows for the tables that the tests of upgrades leave empty. */
const moreRows: [table: string, row: Row][] = [
  [
    'access_link',
    {
      ...{ uid: 'link', token_hash: 'hash', organisation_id: 1, machine_id: 1, key_id: 'key-1' },
      ...{ expires_at: at, used_at: null, created_at: at },
    },
  ],
  ['begun', { job_id: 1, name: 'layer', id: 'begun' }],
  [
    'build_step',
    {
      ...{ image_id: 1, position: 2, software_id: 1, cache: 'hit', exit_code: null },
      ...{ duration_ms: Number.MAX_SAFE_INTEGER, output: `a NUL \0 and ${odd}` },
    },
  ],
  ...['event', 'event_outbox'].map((table): [string, Row] => [
    table,
    {
      ...{ organisation_id: 1, type: 'image.changed', subject: '1', status: 'failed', reason: odd },
      ...{ bytes: null, bytes_total: null, facts: '{"progress":0.1}', created_at: at },
    },
  ]),
  [
    'webhook',
    {
      ...{ id: 'hook', organisation_id: 1, url: 'https://a.test/', types: '[]' },
      ...{ secret_sealed: 's', after_id: 1, created_at: at, paused_at: at },
      starts_at: at,
      ...{ old_secret_sealed: 's', old_secret_until: at },
    },
  ],
  [
    'webhook_delivery',
    {
      ...{ webhook_id: 'hook', organisation_id: 1, subject: 'image:1', type: 'image.changed' },
      ...{ body: odd, state: 'dead', attempts: 9, next_at: at, answer: odd, created_at: at },
      ended_at: at,
    },
  ],
  ['event_floor', { organisation_id: 1, id: 0 }],
  ['freeze', { what: 'disks', holder: 'backup', until: at }],
  ['host', { id: 1, total_bytes: 2 ** 50, free_bytes: 1, seen_at: at }],
  [
    'idempotency',
    { key_id: 'key-1', idempotency_key: odd, request_digest: 'd', answer: '{}', expires_at: at },
  ],
  [
    'installation',
    {
      ...{ one: 1, id: 'a'.repeat(24), engine: 'simulator', master_key_check: 'sealed' },
      ...{ signing_key_id: 'b'.repeat(16), transfers_id: null, created_at: at },
    },
  ],
  ['lease', { name: 'collect', owner: 'dead', until: at }],
  ['machine_console', { machine_id: 1, shown: odd, kept_at: at }],
  [
    'machine_forward',
    {
      ...{ organisation_id: 1, machine_id: 1, protocol: 'tcp', address: '127.0.0.1', port: 2222 },
      ...{ guest_port: 22, opened_at: at, fault: odd, created_at: at },
    },
  ],
  [
    'operator_audit',
    {
      ...{ operator: 'operator:root', action: 'keyCreate', thing: odd, outcome: 'done' },
      ...{ reason: null, created_at: at, ended_at: at, request_id: odd },
    },
  ],
  [
    'operator_key',
    {
      ...{ id: 'op1', name: odd, secret_sealed: 's', master_key_id: 'm', permissions: '[]' },
      ...{ created_at: at, revoked_at: null, expires_at: at, last_used_at: null },
    },
  ],
  [
    'intake',
    {
      ...{ layer_id: 'layer', part: 'scratch', organisation_id: null },
      ...{ bytes: 7, reserved_bytes: 3, expires_at: at },
    },
  ],
  [
    'operator_upload',
    {
      ...{ id: 'd'.repeat(64), bytes: 7, received_bytes: 3, created_at: at, expires_at: at },
    },
  ],
  ['orphan', { kind: 'disk', id: 'orphan', bytes: 7, seen_at: at }],
  [
    'package_list',
    {
      ...{ layer_id: 'alone', state: 'listed', reason: odd, attempts: 1, packages: 2 },
      ...{ listed_at: at, content: 'e30=' },
    },
  ],
  [
    'file_difference',
    {
      ...{ from_layer_id: 'base', to_layer_id: 'alone', state: 'unread', reason: odd },
      ...{ attempts: 1, asked_at: at, content: null },
    },
  ],
  ['read_signature', { key_id: 'key-1', signature: 'read', expires_at: at }],
  ['request_rate', { key_id: 'key-1', level: 0.5, at }],
  ['steady', { id: 1, seen_at: at, waiting: null, brakes: '{"collect":1}' }],
  [
    'template',
    {
      ...{ id: 'template', layer_id: 'alone', cpus: 1, memory_mb: 512, place: 'local' },
      ...{ fingerprint: odd, state: 'ready', result_layer_id: 'alone', state_bytes: 5 },
      ...{ memory_bytes: Number.MAX_SAFE_INTEGER - 5, state_sha256: 's', memory_sha256: 's' },
      ...{ failures: 1, retry_at: at, reason: odd, created_at: at, made_at: at },
      ...{ last_used_at: null, verified_at: at, deleting_at: null },
    },
  ],
  [
    'transfer',
    {
      ...{ id: 'transfer', organisation_id: 1, kind: 'export', format: 'qcow2', image_id: 1 },
      ...{ name: odd, status: 'building', status_reason: null, bytes: 5, received_bytes: 0 },
      ...{
        sha256: null,
        manifest: '{"at":0.1}',
        signature: null,
        created_at: at,
        attestation: odd,
      },
      ...{ expires_at: at, held_bytes: 5, deleted_at: null },
    },
  ],
];

const newest = versions.at(-1) ?? '';

/** A data directory whose store has rows in every table, some beyond one batch. */
export async function filled(t: Scope, images = 0): Promise<string> {
  const dataDir = await temporaryFolder(t);
  await storeOf(dataDir, newest);
  const database = new DatabaseSync(storeFile(dataDir));
  for (const [table, row] of moreRows) {
    const names = Object.keys(row);
    database
      .prepare(`insert into "${table}" (${names}) values (${names.map(() => '?')})`)
      .run(...Object.values(row));
  }
  database.exec(`insert into image (organisation_id, name, name_folded, size_gb, status, source,
    created_at, updated_at) select 1, 'n' || value, 'n' || value, 1, 'pending', 'seat', value, 0
    from json_each('${JSON.stringify([...Array(images + 1).keys()])}')`);
  // The last id was given once, and is gone.
  database.exec('delete from image where id = (select max(id) from image)');
  database.close();
  return dataDir;
}

/** All rows of all tables but those of the trail, which a copy adds to. */
export function dump(dataDir: string): Record<string, unknown[]> {
  const database = new DatabaseSync(storeFile(dataDir), { readOnly: true });
  const tables = database
    .prepare("select name from sqlite_master where type = 'table' and name <> 'operator_audit'")
    .all()
    .map(({ name }) => String(name))
    .filter((name) => !name.startsWith('kysely'));
  const entries = tables.map((name) => [
    name,
    database
      .prepare(`select * from "${name}"`)
      .all()
      .filter((row) => row.name !== 'operator_audit')
      .map((row) => JSON.stringify(row))
      .sort(),
  ]);
  database.close();
  return Object.fromEntries(entries);
}

export const copy = (dataDir: string, ...args: string[]) =>
  runIn(dataDir)('store', 'copy', ...args, '--json');
