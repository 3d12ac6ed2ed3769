// Reads the identities of machines from their disks, compares them and prints them as a table.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';

export const digest = (bytes: Buffer) =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 12);
export const say = (line: string) => process.stdout.write(`${line}\n`);

export type Identity = Record<string, string>;

/** Reads a file of a raw disk without mounting it; empty when there is no such file. */
export function reader(raw: string) {
  const ask = (request: string) =>
    execFileSync('debugfs', ['-R', request, raw], { stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    file: (path: string) => ask(`cat ${path}`),
    names: (path: string) =>
      [
        ...ask(`ls -p ${path}`)
          .toString()
          .matchAll(/^\/\d+\/\d+\/\d+\/\d+\/([^/]+)\//gm),
      ].map(([, name = '']) => name),
  };
}

/** Checks that a build step left no identity in its layer. */
export function assertNobody(raw: string): void {
  const { file, names } = reader(raw);
  assert.equal(file('/built').toString(), 'built\n');
  assert.equal(file('/etc/machine-id').toString(), '');
  assert.equal(file('/etc/hostname').toString(), 'localhost\n');
  const left = [
    '/etc/ssh',
    '/var/lib/systemd',
    '/var/lib/cloud',
    '/var/lib/silversmith',
    '/var/log/journal',
    '/etc/netplan',
    '/etc',
  ]
    .flatMap((path) => names(path).map((name) => `${path}/${name}`))
    .filter((path) =>
      /ssh_host_|random-seed|cloud\/(instance|data|sem)|silversmith\/[a-z]|journal\/[0-9a-f]{32}|50-cloud-init|(passwd|shadow|group)-$/.test(
        path,
      ),
    );
  assert.deepEqual(left, []);
}

const unique = ['host', 'mac', 'uuid', 'machine id', 'seed', 'DHCP', 'certificate', 'instance'];

export function assertUnique(rows: readonly Identity[]): void {
  for (const column of unique) {
    const values = rows.map((row) => row[column] ?? '').filter((value) => value !== '');
    assert.equal(new Set(values).size, values.length, `${column} is there twice`);
  }
  const keys = rows
    .flatMap((row) => (row['host keys'] ?? '').split(' '))
    .filter((key) => key !== '');
  assert.equal(new Set(keys).size, keys.length, 'a host key is there twice');
  for (const row of rows) {
    assert.match(row['machine id'] ?? '', /^[0-9a-f]{32}$/);
    if (row['D-Bus id']) assert.equal(row['D-Bus id'], row['machine id']);
  }
}

export function print(rows: readonly Identity[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const shown = (row: Identity) =>
    columns.map((column) =>
      column === 'host keys' && row[column]
        ? digest(Buffer.from(row[column]))
        : (row[column] ?? ''),
    );
  const table = [columns, ...rows.map(shown)];
  const widths = columns.map((_, index) =>
    Math.max(...table.map((line) => (line[index] ?? '').length)),
  );
  for (const line of table)
    say(
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
