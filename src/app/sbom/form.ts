// The parts that the standard forms of lists of packages share.

import { createHash } from 'node:crypto';
import { PackageURL } from 'packageurl-js';
import type { ImageId } from '../../domain/ids.ts';
import type { InstalledPackage, PackageList } from '../../domain/package-list.ts';

export type SbomFormat = 'cyclonedx' | 'spdx';

export interface Subject {
  name: string;
  id: ImageId;
  listedAt: number;
  list: PackageList;
}

/** A form of documents: a head, whose last field is a list with an item for each package. */
export interface Form {
  mediaType: string;
  /** The fields before the list. */
  head: Record<string, unknown>;
  listField: string;
  item(one: InstalledPackage, position: number): unknown;
  /** The items of the list that are no packages. */
  more: readonly unknown[];
}

/** An id that follows from the subject, in the form of a UUID. */
export function uuidOf({ id, listedAt, name, list }: Subject, format: SbomFormat): string {
  const text = JSON.stringify([format, id, listedAt, name, list.packages.length]);
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16] ?? '0', 16) % 4];
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
  return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

/** The package URL, by which databases of vulnerabilities know a package. */
export function purlOf(
  { kind, name, version, architecture, source }: InstalledPackage,
  { system }: PackageList,
): string {
  const [, epoch, rest = version] = /^(\d+):(.*)$/.exec(version) ?? [];
  const isRpm = kind === 'rpm';
  const distro =
    system === null
      ? undefined
      : [system.id, ...(system.version ? [system.version] : [])].join('-');
  const qualifiers = {
    ...(architecture !== null && { arch: architecture }),
    ...(isRpm && epoch !== undefined && { epoch }),
    ...(distro !== undefined && { distro }),
    ...(source !== null && { upstream: source }),
  };
  const namespace = system?.id ?? (kind === 'apk' ? 'alpine' : undefined);
  return new PackageURL(kind, namespace, name, isRpm ? rest : version, qualifiers, null).toString();
}
