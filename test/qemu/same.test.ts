// A rewritten file is compared with its original before it can take its place.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { makeImmutableIfSame } from '../../src/engine/qemu/disk-file.ts';
import { defaultConfining, giveTo, probeHost } from '../../src/engine/qemu/host.ts';
import { refusedInput } from '../../src/engine/qemu/qemu-img.ts';
import { systemPath } from '../../src/lib/spawn.ts';
import { temporaryFolder } from '../support.ts';

const limits = { signal: new AbortController().signal };

it('a rewritten file is immutable when its content is the same, and refused when one byte differs', async (t) => {
  const root = await temporaryFolder(t);
  await chmod(root, 0o711);
  const { user } = await probeHost({ root, path: systemPath, confining: defaultConfining });
  const file = async (name: string, byte: number) => {
    const path = join(root, name);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, '8M']);
    const write = ['-c', 'write -P 1 1M 4M', '-c', `write -P ${byte} 4M 1`];
    execFileSync('qemu-io', ['-f', 'qcow2', ...write, path], { stdio: 'pipe' });
    await giveTo(user, path);
    return path;
  };
  const [original, same, other] = [await file('a', 1), await file('b', 1), await file('c', 2)];
  await makeImmutableIfSame(same, original, user, root, limits);
  assert.equal((await stat(same)).mode & 0o777, 0o444);
  await assert.rejects(makeImmutableIfSame(other, original, user, root, limits), refusedInput);
});
