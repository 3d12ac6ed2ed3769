// The program that reads the list of packages from a chain of layers. It runs in a cage, with the
// files of the chain as its arguments, the layer on top first, because what it reads was written by
// a guest. It prints the list as JSON, or `{"unread": "why not"}`.

import { openChain } from './chain-disk.ts';
import { installedOn, Unread } from './installed.ts';

async function answer(paths: readonly string[]): Promise<object> {
  try {
    const disk = await openChain(paths);
    const list = await installedOn(disk);
    await disk.close();
    return list;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { unread: error instanceof Unread ? why : `its disk is damaged (${why})` };
  }
}

process.stdout.write(`${JSON.stringify(await answer(process.argv.slice(2)))}\n`);
