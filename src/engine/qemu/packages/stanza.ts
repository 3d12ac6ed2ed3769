// Reads the databases of dpkg and apk, which are texts of stanzas with an empty line between two,
// and the file os-release. All of it was written by a guest.

import {
  type GuestSystem,
  type InstalledPackage,
  licenceLengthMax,
  packageTextMax,
} from '../../../domain/package-list.ts';

/** So many packages are taken from one database; what follows is not looked at. */
const entriesMax = 100_000;

/** The fields of each stanza. A line that begins with a space goes on with the field above it. */
function* stanzasOf(text: string, divider: string): Generator<Map<string, string>> {
  let fields = new Map<string, string>();
  let given = 0;
  for (let at = 0; at < text.length && given < entriesMax; ) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end === -1 ? text.length : end);
    at = end === -1 ? text.length : end + 1;
    if (line.trim() === '') {
      if (fields.size > 0) {
        yield fields;
        given++;
      }
      fields = new Map();
      continue;
    }
    const colon = line.indexOf(divider);
    if (colon <= 0 || /^\s/.test(line)) continue;
    fields.set(line.slice(0, colon), line.slice(colon + divider.length).trim());
  }
  if (fields.size > 0 && given < entriesMax) yield fields;
}

/** The states of dpkg in which no files of a package are on the disk, but at most its settings. */
const absent = ['not-installed', 'config-files'];

/**
 * The packages of dpkg. `single`: a file of the folder status.d, which has no states, because
 * everything in it is installed.
 */
export function dpkgPackages(text: string, { single = false } = {}): InstalledPackage[] {
  const found: InstalledPackage[] = [];
  for (const fields of stanzasOf(text, ':')) {
    const state = fields.get('Status')?.split(/\s+/)[2];
    if (state === undefined ? !single : absent.includes(state)) continue;
    const source = fields.get('Source')?.split(' ')[0];
    found.push({
      kind: 'deb',
      name: fields.get('Package') ?? '',
      version: fields.get('Version') ?? '',
      architecture: fields.get('Architecture') || null,
      source: source || null,
      licence: null,
    });
  }
  return found;
}

export function apkPackages(text: string): InstalledPackage[] {
  const found: InstalledPackage[] = [];
  for (const fields of stanzasOf(text, ':')) {
    const [name, source] = [fields.get('P') ?? '', fields.get('o')];
    found.push({
      kind: 'apk',
      name,
      version: fields.get('V') ?? '',
      architecture: fields.get('A') || null,
      source: source === undefined || source === name ? null : source,
      licence: licenceOf(fields.get('L')),
    });
  }
  return found;
}

/** A licence without control characters, cut at its limit; null for none. */
export function licenceOf(text: string | undefined): string | null {
  const shown = (text ?? '').replaceAll(/\p{Cc}+/gu, ' ').trim();
  return shown === '' ? null : shown.slice(0, licenceLengthMax);
}

/** A value as a shell would read it, which is how the file is defined. */
const unquoted = (value: string) =>
  /^(['"]).*\1$/s.test(value) ? value.slice(1, -1).replaceAll(/\\(["$`\\])/g, '$1') : value;

/** The system that a file os-release names; null where it names none. */
export function guestSystem(text: string): GuestSystem | null {
  const fields = new Map<string, string>();
  for (const line of text.split('\n').slice(0, 1000)) {
    const [, name = '', value = ''] = /^([A-Z_0-9]{1,64})=(.*)$/.exec(line.trim()) ?? [];
    if (name !== '') fields.set(name, unquoted(value).slice(0, packageTextMax));
  }
  const plain = (name: string) => {
    const value = fields.get(name) ?? '';
    return /^[\x21-\x7e]+$/.test(value) ? value : null;
  };
  const id = plain('ID');
  if (id === null) return null;
  const title = (fields.get('PRETTY_NAME') ?? fields.get('NAME') ?? id).replaceAll(/\p{Cc}/gu, ' ');
  return { id, version: plain('VERSION_ID'), title };
}
