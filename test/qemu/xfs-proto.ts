// The description of a tree from which mkfs.xfs makes a file system without mounting it.

import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** No name may have a space. */
export async function protoOf(tree: string): Promise<string> {
  const lines = ['/none', '0 0', 'd--755 0 0'];
  const walk = async (folder: string) => {
    const found = await readdir(folder, { withFileTypes: true });
    for (const one of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, one.name);
      if (one.isSymbolicLink()) lines.push(`${one.name} l--777 0 0 ${await readlink(path)}`);
      else if (!one.isDirectory()) lines.push(`${one.name} ---644 0 0 ${path}`);
      else {
        lines.push(`${one.name} d--755 0 0`);
        await walk(path);
        lines.push('$');
      }
    }
  };
  await walk(tree);
  return `${[...lines, '$'].join('\n')}\n`;
}
