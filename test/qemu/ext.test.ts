// Our reader of ext file systems, against the tool that makes them: each file of a tree comes out as
// it went in, from every form that such a file system has.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openChain } from '../../src/engine/qemu/packages/chain-disk.ts';
import { openExt } from '../../src/engine/qemu/packages/ext.ts';
import { defer, temporaryFolder } from '../support.ts';

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
];

describe('the reader of ext file systems', () => {
  for (const [name, tool, options, size] of forms)
    it(`gives each file of ${name} as it is`, async (t) => {
      const folder = await temporaryFolder(t);
      const tree = join(folder, 'tree');
      await mkdir(join(tree, 'many'), { recursive: true });
      await mkdir(join(tree, 'deep/er'), { recursive: true });
      await writeFile(join(tree, 'large'), randomBytes(5 * mib + 17));
      await writeFile(join(tree, 'empty'), '');
      for (let each = 0; each < 400; each++)
        await writeFile(join(tree, 'many', `a file with a long name, number ${each}`), `${each}`);
      const sparse = await open(join(tree, 'sparse'), 'w');
      await sparse.write('end', 3 * mib);
      await sparse.close();
      await symlink('er/../../large', join(tree, 'deep/link'));
      await symlink(`/${'./'.repeat(60)}large`, join(tree, 'deep/long'));
      await symlink('loop', join(tree, 'loop'));

      const [raw, disk] = [join(folder, 'raw'), join(folder, 'disk')];
      await writeFile(raw, '');
      execFileSync(tool, ['-q', ...options, '-d', tree, raw, size], { stdio: 'pipe' });
      execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk]);
      await truncate(raw, 0);
      const chain = await openChain([disk]);
      defer(t, () => chain.close());
      const files = await openExt(chain, 0);
      const content = async (path: string) => {
        const found = await files.find(path);
        assert.ok(found, path);
        return files.content(found, 16 * mib);
      };
      for (const path of ['large', 'empty', 'sparse', 'many/a file with a long name, number 399'])
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
