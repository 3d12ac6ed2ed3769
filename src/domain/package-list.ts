// The list of the packages that are installed on a chain of layers. It belongs to the layer on top,
// whose content never changes. The names and versions in it come from a guest, so a list is checked
// where it comes in, and has limits.

import { invalid } from './error.ts';
import type { LayerId } from './ids.ts';

/** By the programs that install them: dpkg, rpm, and apk of Alpine. */
const packageKinds = ['deb', 'rpm', 'apk'] as const;
type PackageKind = (typeof packageKinds)[number];

export interface InstalledPackage {
  kind: PackageKind;
  name: string;
  /** With its epoch and release, as the program that installed it writes it. */
  version: string;
  architecture: string | null;
  /** The source that it was built from, where its name differs; null otherwise. */
  source: string | null;
  /** As the package says it, in no fixed form; null where the database has none. */
  licence: string | null;
}

/** The operating system, from its file os-release. */
export interface GuestSystem {
  /** Such as `debian`. */
  id: string;
  /** Such as `12`; null for a system without versions. */
  version: string | null;
  /** Such as `Debian GNU/Linux 12 (bookworm)`. */
  title: string;
}

export interface PackageList {
  system: GuestSystem | null;
  /** In order of kind, name, architecture and version. */
  packages: InstalledPackage[];
  /** What a reader has to know about the list, such as entries that were left out. */
  notes: string[];
}

/**
 * `wanted`: it is to be read. `listed`: it was. `unread`: it cannot be read, for a reason; it is
 * read again when somebody asks for that.
 */
type PackageListState = 'wanted' | 'listed' | 'unread';

export interface PackageListRow {
  layerId: LayerId;
  state: PackageListState;
  reason: string | null;
  /** How often the reading failed for a reason that may pass. */
  attempts: number;
  /** The number of packages; null unless it is listed. */
  packages: number | null;
  /** When it was read, or could not be; null while it is wanted. */
  listedAt: number | null;
  /** The list as JSON, packed with gzip, in base64; null unless it is listed. */
  content: string | null;
}

export const packagesMax = 20_000;
export const packageTextMax = 256;
export const licenceLengthMax = 1000;
const notesMax = 20;
/** Of a list as JSON. */
export const packageListBytesMax = 16 * 1024 ** 2;

const isPlain = (text: unknown, most = packageTextMax): text is string =>
  typeof text === 'string' && text.length > 0 && text.length <= most && !/[^\x21-\x7e]/.test(text);

/** Whether each field may stand in a list. */
const isInstalledPackage = (one: InstalledPackage): boolean =>
  packageKinds.includes(one.kind) &&
  isPlain(one.name) &&
  isPlain(one.version) &&
  (one.architecture === null || isPlain(one.architecture)) &&
  (one.source === null || isPlain(one.source)) &&
  (one.licence === null || isShort(one.licence, licenceLengthMax));

const isShort = (text: unknown, most: number): text is string =>
  typeof text === 'string' && text.length <= most && !/\p{Cc}/u.test(text);

const isSystem = (one: GuestSystem | null) =>
  one === null ||
  (isPlain(one.id) &&
    (one.version === null || isPlain(one.version)) &&
    isShort(one.title, packageTextMax));

/** Compares by code units, so that the order is the same on every host. */
const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

const inOrder = (one: InstalledPackage, other: InstalledPackage) =>
  compare(one.kind, other.kind) ||
  compare(one.name, other.name) ||
  compare(one.architecture ?? '', other.architecture ?? '') ||
  compare(one.version, other.version);

/** A list of the packages that may stand in one. The others are counted in a note. */
export function packageListOf(
  system: GuestSystem | null,
  found: readonly InstalledPackage[],
  notes: readonly string[] = [],
): PackageList {
  const good = found.filter(isInstalledPackage);
  const packages = good.slice(0, packagesMax).sort(inOrder);
  const [bad, more] = [found.length - good.length, good.length - packages.length];
  return {
    system,
    packages,
    notes: [
      ...notes,
      ...(bad > 0 ? [`${bad} entries are left out: a name or version of theirs is none.`] : []),
      ...(more > 0 ? [`${more} packages beyond the first ${packagesMax} are left out.`] : []),
    ],
  };
}

/** Reads a list that a process in a cage has printed. Throws `invalid` for anything else. */
export function parsePackageList(text: string): PackageList {
  try {
    const { system, packages, notes } = JSON.parse(text) as PackageList;
    const good =
      isSystem(system) &&
      packages.length <= packagesMax &&
      packages.every(isInstalledPackage) &&
      notes.length <= notesMax &&
      notes.every((note) => isShort(note, 1000));
    if (good) return { system, packages, notes };
  } catch {
    // The error below is for this and for a list with wrong fields.
  }
  throw invalid('The list of packages is damaged.');
}

interface PackageChange {
  kind: PackageKind;
  name: string;
  architecture: string | null;
  from: string;
  to: string;
}

export interface PackageDifference {
  added: InstalledPackage[];
  removed: InstalledPackage[];
  /** Packages of which each list has one version, and not the same. */
  changed: PackageChange[];
}

const named = ({ kind, name, architecture }: InstalledPackage) =>
  JSON.stringify([kind, name, architecture]);

function byName(list: PackageList): Map<string, InstalledPackage[]> {
  const found = new Map<string, InstalledPackage[]>();
  for (const one of list.packages) found.set(named(one), [...(found.get(named(one)) ?? []), one]);
  return found;
}

/** How a list differs from an earlier one. A system may have several versions of one package. */
export function comparePackages(before: PackageList, after: PackageList): PackageDifference {
  const [old, now] = [byName(before), byName(after)];
  const difference: PackageDifference = { added: [], removed: [], changed: [] };
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(key) ?? [], now.get(key) ?? []];
    const removed = was.filter(({ version }) => !is.some((one) => one.version === version));
    const added = is.filter(({ version }) => !was.some((one) => one.version === version));
    const [from, to] = [removed[0], added[0]];
    if (from && to && was.length === 1 && is.length === 1) {
      const { kind, name, architecture } = to;
      difference.changed.push({ kind, name, architecture, from: from.version, to: to.version });
    } else {
      difference.removed.push(...removed);
      difference.added.push(...added);
    }
  }
  difference.added.sort(inOrder);
  difference.removed.sort(inOrder);
  return difference;
}
