// Reads the database of rpm where it is one of SQLite, as Fedora and its relatives have had it
// since
// 2020. Each row is the header of a package: a table of entries, each a tag, a type and a place in
// the data behind the table. The database was written by a guest, so this runs in a cage.

import { DatabaseSync } from 'node:sqlite';
import type { InstalledPackage } from '../../../domain/package-list.ts';
import { licenceOf } from './stanza.ts';

/** Of a header; a real one has a few hundred. */
const entriesMax = 10_000;
const textMax = 4096;
/** So many packages are taken; what follows is not looked at. */
const rowsMax = 100_000;

const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  licence: 1014,
  architecture: 1022,
  sourceFile: 1044,
} as const;

/** Types of entries: a number of 32 bits, and the three kinds of text. */
const number32 = 4;
const texts = [6, 8, 9];

/** The first value of each wanted tag. Entries that lie outside the header are left out. */
function entriesOf(header: Buffer): Map<number, string> {
  const found = new Map<number, string>();
  if (header.length < 8) return found;
  const [count, dataBytes] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const dataAt = 8 + count * 16;
  if (count > entriesMax || dataAt + dataBytes > header.length) return found;
  const wanted: readonly number[] = Object.values(tags);
  for (let at = 8; at < dataAt; at += 16) {
    const [tag, type, offset] = [0, 4, 8].map((part) => header.readUInt32BE(at + part));
    if (tag === undefined || offset === undefined || !wanted.includes(tag)) continue;
    const start = dataAt + offset;
    if (type === number32 && start + 4 <= header.length)
      found.set(tag, String(header.readUInt32BE(start)));
    if (type === undefined || !texts.includes(type) || start >= header.length) continue;
    const end = header.subarray(start, start + textMax).indexOf(0);
    if (end !== -1) found.set(tag, header.toString('utf8', start, start + end));
  }
  return found;
}

/** The package of a header; null for a key that signs packages, which rpm keeps among them. */
export function rpmPackage(header: Buffer): InstalledPackage | null {
  const entries = entriesOf(header);
  const of = (tag: keyof typeof tags) => entries.get(tags[tag]) ?? '';
  if (of('name') === 'gpg-pubkey') return null;
  const epoch = of('epoch') === '' || of('epoch') === '0' ? '' : `${of('epoch')}:`;
  // The file of the source is NAME-VERSION-RELEASE.src.rpm, and names have dashes too.
  const [, source] = /^(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm$/.exec(of('sourceFile')) ?? [];
  const version = of('version') === '' ? '' : `${epoch}${of('version')}-${of('release')}`;
  return {
    kind: 'rpm',
    name: of('name'),
    version,
    architecture: of('architecture') || null,
    source: source === undefined || source === of('name') ? null : source,
    licence: licenceOf(of('licence')),
  };
}

/** The packages of headers, without the keys that sign packages. */
export const packagesIn = (headers: readonly Buffer[]): InstalledPackage[] =>
  headers.flatMap((header) => rpmPackage(header) ?? []);

/** The packages of the bytes of rpmdb.sqlite. Throws an Error when it is no such database. */
export function rpmPackages(bytes: Buffer): InstalledPackage[] {
  const database = new DatabaseSync(':memory:');
  try {
    database.exec('pragma trusted_schema = off; pragma cell_size_check = on');
    database.deserialize(inRollbackMode(bytes));
    const rows = database.prepare('select blob from Packages order by hnum limit ?');
    const found: InstalledPackage[] = [];
    for (const { blob } of rows.iterate(rowsMax)) {
      const one = blob instanceof Uint8Array ? rpmPackage(Buffer.from(blob)) : null;
      if (one !== null) found.push(one);
    }
    return found;
  } finally {
    database.close();
  }
}

/** rpm keeps its database with a write-ahead log, which a database in memory cannot have. */
function inRollbackMode(bytes: Buffer): Buffer {
  if (bytes.length < 100) throw new Error('the file has no header of a database');
  const copy = Buffer.from(bytes);
  copy[18] = 1;
  copy[19] = 1;
  return copy;
}
