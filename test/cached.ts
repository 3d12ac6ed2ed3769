// Makes things that take long once, and keeps them in the cache that the demo base uses.

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exists } from '../src/lib/files.ts';
import { cacheDirs } from '../src/lib/folders.ts';

const runFile = promisify(execFile);
const asked = new Map<string, Promise<string>>();

/**
 * Returns the folder that a bash script has made. The script gets an empty folder as its argument;
 * another content of the script is another thing. Several processes may make it at once: the first
 * to end stays. Throws when the script fails, and leaves nothing then.
 */
export function cached(name: string, script: string, says: string): Promise<string> {
  const digest = createHash('sha256').update(script).digest('hex').slice(0, 12);
  const id = `${name}-${digest}`;
  const found = asked.get(id) ?? findOrMake(id, script, says);
  asked.set(id, found);
  return found;
}

async function findOrMake(id: string, script: string, says: string): Promise<string> {
  const dirs = cacheDirs(process.env);
  for (const dir of dirs) {
    // A folder that this user may not read counts as none.
    if (await exists(join(dir, id)).catch(() => false)) return join(dir, id);
  }
  const [cacheDir = '.'] = dirs;
  const folder = join(cacheDir, id);
  const part = join(cacheDir, `part-${randomBytes(6).toString('hex')}`);
  await mkdir(part, { recursive: true });
  await chmod(part, 0o755);
  try {
    process.stderr.write(`${says} …\n`);
    await runFile('bash', ['-c', script, 'bash', part]);
    await rename(part, folder).catch(async (error) => {
      if (!(await exists(folder))) throw error;
    });
    return folder;
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}
