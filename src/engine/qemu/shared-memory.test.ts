// Proves that nobody can change the memory that clones map, and that damage to its file is seen.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TemplateId } from '../../domain/ids.ts';
import { loadMemory, saveMemory } from './memory-file.ts';
import { pathsIn } from './paths.ts';
import { SharedMemory } from './shared-memory.ts';
import { TemplateMemories } from './template-memory.ts';

const mib = 1024 ** 2;
const { signal } = new AbortController();

describe('the memory of a template', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  });
  after(() => rm(folder, { recursive: true }));

  const written = async (large = false) => {
    const memory = await SharedMemory.make(4 * mib, { large });
    const block = randomBytes(100_000);
    await memory.file.write(block, 0, block.length, 2 * mib + 5000);
    return { memory, block };
  };

  it('cannot be changed by anybody once it is sealed, whoever opens it for writing', async () => {
    const { memory, block } = await written();
    await memory.seal();
    const again = await open(`/proc/self/fd/${memory.fd}`, 'r+');
    for (const change of [
      () => again.write(Buffer.from([1]), 0, 1, 0),
      () => again.truncate(0),
      () => memory.file.write(Buffer.from([1]), 0, 1, 0),
    ])
      await assert.rejects(change, /EPERM|EBADF|EINVAL/);
    await again.close();
    const seen = Buffer.alloc(block.length);
    await memory.file.read(seen, 0, seen.length, 2 * mib + 5000);
    assert.ok(seen.equals(block));
    await memory.close();
  });

  for (const large of [false, true])
    it(`is the same after it was saved and loaded, and no empty blocks are kept (large pages: ${large})`, async () => {
      const [{ memory, block }, file] = [await written(large), join(folder, 'saved')];
      const [copy, other] = [await SharedMemory.make(4 * mib), await SharedMemory.make(4 * mib)];
      const digest = await saveMemory(memory, file, copy, signal);
      assert.equal(await loadMemory(file, other), digest);
      assert.ok((await stat(file)).size < 300_000);
      for (const one of [copy, other]) {
        const seen = Buffer.alloc(4 * mib);
        await one.file.read(seen, 0, seen.length, 0);
        assert.equal(seen.indexOf(block), 2 * mib + 5000);
        assert.ok(seen.subarray(0, 2 * mib).every((byte) => byte === 0));
        assert.ok((await one.file.stat()).blocks * 512 < 300_000);
      }
      for (const one of [memory, copy, other]) {
        await one.seal();
        await one.close();
      }
    });

  it('is refused when its file is cut, is no memory, has another digest or is missing', async () => {
    const root = await mkdtemp(join(folder, 'root-'));
    const paths = pathsIn(root);
    const memories = new TemplateMemories({ ...paths, template: () => join(root, 'memory') });
    const using = (memorySha256: string) =>
      memories.using(
        { templateId: 'a' as TemplateId, memorySha256, memoryMb: 4, cpus: 1, stateSha256: '' },
        async (descriptor) => descriptor,
      );
    await assert.rejects(using('0'), /missing/);
    const { memory } = await written();
    const copy = await SharedMemory.make(4 * mib);
    const digest = await saveMemory(memory, join(root, 'memory'), copy, signal);
    assert.ok((await using(digest)) > 0);
    assert.equal(await using(digest), await using(digest), 'it is loaded once');
    await assert.rejects(using('1'), /damaged/);
    await truncate(join(root, 'memory'), 70_000);
    await assert.rejects(using('2'), /damaged/);
    await writeFile(join(root, 'memory'), randomBytes(200_000));
    await assert.rejects(using('3'), /damaged/);
    assert.ok((await using(digest)) > 0, 'what is loaded cannot be damaged');
    await memories.close();
    await assert.rejects(using(digest), /damaged/);
    for (const one of [memory, copy]) await one.close();
  });
});
