// Disks with databases of packages, and an engine that reads them.

import { execFileSync } from 'node:child_process';
import { mkdir, open, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LayerId } from '../../src/domain/ids.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { layerId } from '../contract/engine/world.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';

export const mib = 1024 ** 2;
const installed = 'Status: install ok installed';
export const stanza = (name: string, version: string) =>
  `Package: ${name}\n${installed}\nArchitecture: amd64\nVersion: ${version}\n\n`;

export type Tree = Record<string, string | Buffer>;

export const debian: Tree = {
  'usr/lib/os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n',
  'var/lib/dpkg/status': stanza('bash', '5.2') + stanza('curl', '7.88'),
};

export async function prepared(t: Scope) {
  const folder = await temporaryFolder(t);
  const root = join(folder, 'engine');
  const engine = await openQemu({ root });
  defer(t, () => engine.close());
  /** A folder with these files. */
  const treeOf = async (tree: Tree) => {
    const content = join(folder, `tree-${layerId()}`);
    for (const [path, text] of Object.entries(tree)) {
      await mkdir(dirname(join(content, path)), { recursive: true });
      await writeFile(join(content, path), text);
    }
    await mkdir(join(content, 'etc'), { recursive: true });
    if (tree['usr/lib/os-release'] !== undefined)
      await symlink('../usr/lib/os-release', join(content, 'etc/os-release'));
    return content;
  };
  /** A raw disk with a file system of these files, which begins at a byte. */
  const diskOf = async (tree: Tree, { startBytes = 0, sizeMb = 16 } = {}) => {
    const content = await treeOf(tree);
    const disk = `${content}.raw`;
    await writeFile(disk, '');
    await truncate(disk, startBytes + sizeMb * mib);
    const at = ['-E', `offset=${startBytes}`, '-d', content, disk, `${sizeMb}M`];
    execFileSync('mkfs.ext4', ['-q', ...at], { stdio: 'pipe' });
    return disk;
  };
  /** Makes a layer of a raw disk. On a parent it has the difference alone. */
  const layerOf = async (disk: string, parent?: LayerId) => {
    const id = layerId();
    const layer = join(root, 'layers', `${id}.qcow2`);
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, layer]);
    if (parent !== undefined) {
      const below = join(root, 'layers', `${parent}.qcow2`);
      const made = `${layer}.new`;
      const on = ['-f', 'qcow2', '-F', 'qcow2', '-b'];
      execFileSync('qemu-img', ['create', '-q', ...on, layer, made]);
      execFileSync('qemu-img', ['rebase', ...on, below, made]);
      execFileSync('mv', [made, layer]);
    }
    execFileSync('chmod', ['444', layer]);
    return id;
  };
  const list = (...chain: LayerId[]) => engine.packages.list({ chain }, call);
  return { folder, treeOf, diskOf, layerOf, list, engine };
}

export const names = ({ packages }: { packages: readonly { name: string; version: string }[] }) =>
  packages.map(({ name, version }) => `${name} ${version}`);

export function rpmHeader(texts: readonly (readonly [tag: number, text: string])[]): Buffer {
  const entries = Buffer.alloc(8 + texts.length * 16);
  const data: Buffer[] = [];
  let offset = 0;
  texts.forEach(([tag, text], index) => {
    [tag, 6, offset, 1].forEach((one, at) => {
      entries.writeUInt32BE(one, 8 + index * 16 + at * 4);
    });
    data.push(Buffer.from(`${text}\0`));
    offset += text.length + 1;
  });
  entries.writeUInt32BE(texts.length, 0);
  entries.writeUInt32BE(offset, 4);
  return Buffer.concat([entries, ...data]);
}

/** Writes a partition table of the older form, with one partition of Linux. */
export async function writeTable(disk: string, { firstSector = 0, sectors = 0 }): Promise<void> {
  const sector = Buffer.alloc(512);
  sector[450] = 0x83;
  sector.writeUInt32LE(firstSector, 454);
  sector.writeUInt32LE(sectors, 458);
  sector.writeUInt16BE(0x55aa, 510);
  const file = await open(disk, 'r+');
  await file.write(sector, 0, sector.length, 0);
  await file.close();
}

export type Prepared = Awaited<ReturnType<typeof prepared>>;
