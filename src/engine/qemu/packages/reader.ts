// The program that reads the disks of chains of layers. It runs in a cage, because what it reads
// was written by a guest. Its arguments are chains, each as the names of its files with commas
// between them, the layer on top first. For one chain it prints the list of its packages, for two
// how the files of the second differ from those of the first: as JSON, or `{"unread": "why not"}`.

import { type ChainDisk, openChain } from './chain-disk.ts';
import { compareFiles } from './compare-files.ts';
import { installedOn, rootOf, Unread } from './installed.ts';

async function answer(disks: readonly ChainDisk[]): Promise<object> {
  const [first, second] = disks;
  if (first === undefined) throw new TypeError('no chain was given');
  try {
    if (second === undefined) return await installedOn(first);
    return await compareFiles(await rootOf(first), await rootOf(second));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { unread: error instanceof Unread ? why : `its disk is damaged (${why})` };
  }
}

const chains = process.argv.slice(2).map((names) => names.split(','));
const disks = await Promise.all(chains.map(openChain));
const text = JSON.stringify(await answer(disks));
for (const disk of disks) await disk.close();
process.stdout.write(`${text}\n`);
