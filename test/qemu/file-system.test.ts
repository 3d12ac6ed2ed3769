// Our readers of file systems, against the tools that make them: each file of a tree comes out as
// it went in, from every form that such a file system has.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openBtrfs } from '../../src/engine/qemu/packages/btrfs.ts';
import { openChain } from '../../src/engine/qemu/packages/chain-disk.ts';
import { openExt } from '../../src/engine/qemu/packages/ext.ts';
import type { Disk, FileTree } from '../../src/engine/qemu/packages/file-tree.ts';
import { openXfs } from '../../src/engine/qemu/packages/xfs.ts';
import { defer, temporaryFolder } from '../support.ts';
import { protoOf } from './xfs-proto.ts';

const mib = 1024 ** 2;

const forms: [name: string, tool: string, options: string[], size: string][] = [
  ['ext2 with small blocks', 'mkfs.ext2', ['-b', '1024'], '48M'],
  ['ext3', 'mkfs.ext3', ['-b', '4096'], '64M'],
  ['ext4', 'mkfs.ext4', [], '64M'],
  [
    'ext4 with groups of descriptors',
    'mkfs.ext4',
    ['-O', '^resize_inode,meta_bg', '-b', '1024'],
    '64M',
  ],
  ['ext4 without wide numbers and sums', 'mkfs.ext4', ['-O', '^64bit,^metadata_csum'], '64M'],
  ['ext4 of a terabyte', 'mkfs.ext4', ['-E', 'lazy_itable_init=1,lazy_journal_init=1'], '1T'],
  ['XFS', 'mkfs.xfs', ['-m', 'bigtime=1'], '320M'],
  [
    'XFS with small blocks and wide counts',
    'mkfs.xfs',
    ['-b', 'size=1024', '-i', 'nrext64=1'],
    '320M',
  ],
  ['XFS of version 4', 'mkfs.xfs', ['-m', 'crc=0'], '320M'],
  ['XFS of a terabyte', 'mkfs.xfs', [], '1T'],
  ['btrfs', 'mkfs.btrfs', [], '256M'],
  ['btrfs with small nodes', 'mkfs.btrfs', ['-n', '4096', '-m', 'single'], '256M'],
];

/** Makes the file system of a tree in a raw file. */
async function make(tool: string, options: readonly string[], tree: string, raw: string) {
  const from = { 'mkfs.xfs': '-p', 'mkfs.btrfs': '--rootdir' }[tool] ?? '-d';
  const isXfs = tool === 'mkfs.xfs';
  if (isXfs) await writeFile(`${tree}.proto`, await protoOf(tree));
  const content = isXfs ? `${tree}.proto` : tree;
  execFileSync(tool, ['-q', ...options, from, content, raw], { stdio: 'pipe' });
}

const opened = async (tool: string, chain: Disk): Promise<FileTree> => {
  if (tool === 'mkfs.xfs') return openXfs(chain);
  if (tool !== 'mkfs.btrfs') return openExt(chain);
  const [first] = await openBtrfs(chain);
  assert.ok(first);
  return first;
};

describe('the reader of a file system', () => {
  for (const [name, tool, options, size] of forms)
    it(`gives each file of ${name} as it is`, async (t) => {
      const folder = await temporaryFolder(t);
      const tree = join(folder, 'tree');
      await mkdir(join(tree, 'many'), { recursive: true });
      await mkdir(join(tree, 'deep/er'), { recursive: true });
      await writeFile(join(tree, 'large'), randomBytes(5 * mib + 17));
      await writeFile(join(tree, 'empty'), '');
      for (let each = 0; each < 400; each++)
        await writeFile(join(tree, 'many', `a_file_with_a_long_name,_number_${each}`), `${each}`);
      const sparse = await open(join(tree, 'sparse'), 'w');
      await sparse.write('end', 3 * mib);
      await sparse.close();
      await symlink('er/../../large', join(tree, 'deep/link'));
      await symlink(`/${'./'.repeat(60)}large`, join(tree, 'deep/long'));
      await symlink('loop', join(tree, 'loop'));

      const [raw, disk] = [join(folder, 'raw'), join(folder, 'disk')];
      await writeFile(raw, '');
      execFileSync('truncate', ['-s', size, raw]);
      await make(tool, options, tree, raw);
      execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk]);
      await truncate(raw, 0);
      const chain = await openChain([disk]);
      defer(t, () => chain.close());
      const files = await opened(tool, chain);
      const content = async (path: string) => {
        const found = await files.find(path);
        assert.ok(found, path);
        return files.content(found, 16 * mib);
      };
      for (const path of ['large', 'empty', 'sparse', 'many/a_file_with_a_long_name,_number_399'])
        assert.ok((await content(path)).equals(await readFile(join(tree, path))), path);
      const large = await readFile(join(tree, 'large'));
      for (const link of ['/deep/link', 'deep/long', 'deep/er/../link'])
        assert.ok((await content(link)).equals(large), link);
      for (const missing of ['loop', 'nothing', 'large/below', 'deep/er/x'])
        assert.equal(await files.find(missing), null, missing);
      const many = await files.find('many');
      assert.ok(many);
      assert.equal((await files.folder(many)).size, 400);
    });
});
