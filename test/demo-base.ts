// The demo base for tests on real machines. It is made once and cached.

import { ensureDemoBase } from '../src/engine/demo-base.ts';
import { cacheDirs } from '../src/lib/folders.ts';
import { toolEnvironment } from '../src/server/tool-environment.ts';

export const demoBase = () =>
  ensureDemoBase(cacheDirs(process.env), {
    env: toolEnvironment(process.env),
    say: (line) => process.stderr.write(`${line}\n`),
    signal: new AbortController().signal,
  });
