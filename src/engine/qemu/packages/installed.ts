// Finds the databases of package managers on a disk, and makes the list of what they say is
// installed.

import {
  type GuestSystem,
  type InstalledPackage,
  type PackageList,
  packageListOf,
} from '../../../domain/package-list.ts';
import { type Files, type Volume, volumesOf } from './file-system.ts';
import type { Disk, FileTree } from './file-tree.ts';
import { packagesIn, rpmPackages } from './rpm.ts';
import { berkeleyHeaders, ndbHeaders } from './rpm-old.ts';
import { apkPackages, dpkgPackages, guestSystem } from './stanza.ts';

const textBytesMax = 64 * 1024 ** 2;
const databaseBytesMax = 256 * 1024 ** 2;

/** Why no list can be made of a disk; the end of a sentence that begins with "not read: ". */
export class Unread extends Error {}

interface Database {
  path: string;
  read(content: Buffer): InstalledPackage[];
}

const databases: readonly Database[] = [
  { path: '/var/lib/dpkg/status', read: (content) => dpkgPackages(String(content)) },
  { path: '/lib/apk/db/installed', read: (content) => apkPackages(String(content)) },
  { path: '/usr/lib/apk/db/installed', read: (content) => apkPackages(String(content)) },
  { path: '/usr/lib/sysimage/rpm/rpmdb.sqlite', read: rpmPackages },
  { path: '/var/lib/rpm/rpmdb.sqlite', read: rpmPackages },
  ...['/var/lib/rpm', '/usr/lib/sysimage/rpm'].flatMap((folder) => [
    { path: `${folder}/Packages`, read: (content: Buffer) => packagesIn(berkeleyHeaders(content)) },
    { path: `${folder}/Packages.db`, read: (content: Buffer) => packagesIn(ndbHeaders(content)) },
  ]),
];
/** A folder of files without states, as images without a package manager have it. */
const singleFiles = '/var/lib/dpkg/status.d';

/** The root, and the other file systems of the disk, one of which may be its /var. */
class Root {
  readonly #volumes: readonly Files[];

  constructor(volumes: readonly Files[]) {
    this.#volumes = volumes;
  }

  /** The first that is there; a path below /var is looked for on a file system of its own too. */
  async #first<Found>(path: string, look: (files: Files, at: string) => Promise<Found | null>) {
    for (const files of this.#volumes)
      for (const at of path.startsWith('/var/') ? [path, path.slice('/var'.length)] : [path]) {
        const found = await look(files, at);
        if (found !== null) return found;
      }
    return null;
  }

  read(path: string, bytesMax: number): Promise<Buffer | null> {
    return this.#first(path, (files, at) => files.read(at, bytesMax));
  }

  async has(path: string): Promise<boolean> {
    return (
      (await this.#first(path, async (files, at) => ((await files.has(at)) ? true : null))) === true
    );
  }

  async readAll(path: string, bytesMax: number): Promise<Buffer[]> {
    const found: Buffer[] = [];
    await this.#first(path, async (files, at) => {
      let left = bytesMax;
      for (const name of await files.list(at)) {
        if (name.endsWith('.md5sums')) continue;
        const content = await files.read(`${at}/${name}`, left);
        if (content === null) continue;
        left -= content.length;
        found.push(content);
      }
      return found.length > 0 ? found : null;
    });
    return found;
  }
}

/** Finds the file systems that can be read, and the largest volume that is known and cannot. */
async function lookedAt(disk: Disk) {
  const volumes = await volumesOf(disk);
  const readable = volumes.flatMap(({ files }) => files);
  return {
    readable,
    other: volumes.find(({ kind, files }) => files.length === 0 && kind !== null),
  };
}

/** Throws Unread when the disk has no list to give, and an Error when it is damaged. */
export async function installedOn(disk: Disk): Promise<PackageList> {
  const { readable, other } = await lookedAt(disk);
  const root = new Root(readable);
  const system = await systemOf(root);
  const [found, notes] = await packagesOf(root);
  if (found.length > 0) return packageListOf(system, found, notes);
  if (other && (system === null || readable.length === 0)) throw new Unread(otherKind(other));
  if (notes[0] !== undefined) throw new Unread(notes[0]);
  if (readable.length === 0) throw new Unread('its disk has no file system that is known here');
  return packageListOf(system, [], ['No database of packages (dpkg, rpm, apk) is on the disk.']);
}

/** The file system that has the system on it. Throws Unread when none here can be read. */
export async function rootOf(disk: Disk): Promise<FileTree> {
  const { readable, other } = await lookedAt(disk);
  for (const one of readable) if (await one.has('/etc')) return one.files;
  if (other) throw new Unread(otherKind(other));
  if (readable[0]) return readable[0].files;
  throw new Unread('its disk has no file system that is known here');
}

const otherKind = ({ name, kind, fault }: Volume) =>
  fault === null
    ? `${name} of its disk holds ${kind}, and only ext2, ext3, ext4, XFS and btrfs are read, on partitions and on LVM`
    : `${name} of its disk holds ${kind}, and ${fault}`;

async function systemOf(root: Root): Promise<GuestSystem | null> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const content = await root.read(path, textBytesMax).catch(() => null);
    const system = content && guestSystem(String(content.subarray(0, 65_536)));
    if (system) return system;
  }
  return null;
}

/** All packages, and what has to be known about databases that were not read. */
async function packagesOf(root: Root): Promise<[InstalledPackage[], string[]]> {
  const found: InstalledPackage[] = [];
  const notes: string[] = [];
  for (const { path, read } of databases) {
    const most = path.includes('/rpm/') ? databaseBytesMax : textBytesMax;
    try {
      const content = await root.read(path, most);
      if (content === null) continue;
      for (const one of read(content)) found.push(one);
      const log = await root.read(`${path}-wal`, databaseBytesMax);
      if (log !== null && log.length > 0)
        notes.push(`The log of ${path} is not read, and may have newer entries.`);
    } catch (error) {
      notes.push(`its database ${path} cannot be read: ${plain(error)}`);
    }
  }
  for (const content of await root.readAll(singleFiles, textBytesMax))
    for (const one of dpkgPackages(String(content), { single: true })) found.push(one);
  return [found, notes];
}

/** The message of an error about a guest's file, without what the guest may have put there. */
const plain = (error: unknown) =>
  (error instanceof Error ? error.message : String(error))
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 200);
