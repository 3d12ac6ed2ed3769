// The demo base for tests on real machines, made once and cached.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureDemoBase } from '../src/engine/qemu/demo-base.ts';

export const cacheDir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'silversmith');

export const demoBase = () => ensureDemoBase(cacheDir, (line) => process.stderr.write(`${line}\n`));
