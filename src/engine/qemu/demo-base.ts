// The demo base: a small Debian 12 made from Debian's packages, once per version of its recipe, and kept in the user's cache.

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../domain/error.ts';
import type { Boot } from '../../domain/layer.ts';
import { exists } from '../../lib/files.ts';

const assets = new URL('../../../assets/demo-base/', import.meta.url).pathname;

export interface DemoBase {
  disk: string;
  kernel: string;
  initrd: string;
  boot: Boot;
}

const boot: Boot = { mode: 'direct', append: 'console=ttyS0 root=/dev/vda rw quiet', buildAppend: 'silversmith.build' };

/** Makes the demo base in `cacheDir`, or finds it there. `say` gets each line of its progress. Throws `unavailable`. */
export async function ensureDemoBase(cacheDir: string, say: (line: string) => void): Promise<DemoBase> {
  const folder = join(cacheDir, `demo-base-${await assetsDigest()}`);
  if (!(await exists(folder))) await make(cacheDir, folder, say);
  return { disk: join(folder, 'disk.qcow2'), kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd'), boot };
}

async function assetsDigest(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(assets)).sort())
    hash.update(`${name}\0`).update(await readFile(join(assets, name)));
  return hash.digest('hex').slice(0, 12);
}

async function make(cacheDir: string, folder: string, say: (line: string) => void): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new AppError(
      'unavailable',
      'Making the demo base needs root (its files have many owners). Run this once as root, or try the simulator, in a data directory of its own: npm start -- --engine simulator --data-dir NEW',
    );
  }
  const part = join(cacheDir, `part-${randomBytes(6).toString('hex')}`);
  await mkdir(part, { recursive: true });
  try {
    await run(join(assets, 'make'), [part], say);
    // Two processes may have made it at once; the first to arrive stays.
    await rename(part, folder).catch(async (error) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

function run(file: string, args: string[], say: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const errors: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => say(chunk.toString().trimEnd()));
    child.stderr.on('data', (chunk: Buffer) => {
      errors.push(chunk.toString());
      if (errors.length > 50) errors.shift();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) return resolve();
      const said = errors.join('').trim().slice(-1500);
      reject(
        new AppError(
          'unavailable',
          `The demo base could not be made; see what its tools said, mend it and start again:\n${said}`,
        ),
      );
    });
  });
}
