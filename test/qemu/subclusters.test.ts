// Overlays with extended tables (`extended_l2`), of which a cluster may be in part in the file,
// zeros, and in the layer below: our own readers say of them what QEMU does, in chains with files
// of both forms.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { openChain } from '../../src/engine/qemu/packages/chain-disk.ts';
import { assertQcow2Whole, isEmptyOverlay, readingQcow2 } from '../../src/engine/qemu/qcow2.ts';
import { cuttableDisk } from '../power.ts';
import { runs } from '../runs.ts';
import { defer, leftOutWithoutRoot, waitFor } from '../support.ts';

const kib = 1024;
const diskKib = 512;

const change = fc.record({
  what: fc.constantFrom('write', 'zero', 'unmap', 'discard'),
  at: fc.nat({ max: diskKib * 2 - 1 }),
  sectors: fc.integer({ min: 1, max: 200 }),
  pattern: fc.integer({ min: 1, max: 255 }),
});
type Change = typeof change extends fc.Arbitrary<infer One> ? One : never;

const layer = fc.record({
  isExtended: fc.boolean(),
  changes: fc.array(change, { minLength: 1, maxLength: 12 }),
});

const command = ({ what, at, sectors, pattern }: Change): string => {
  const place = `${at * 512} ${Math.min(sectors, diskKib * 2 - at) * 512}`;
  if (what === 'write') return `write -q -P ${pattern} ${place}`;
  if (what === 'discard') return `discard -q ${place}`;
  return `write -q -z ${what === 'unmap' ? '-u ' : ''}${place}`;
};

const quiet = { stdio: 'pipe' } as const;

/** Makes a chain, the lowest file first, and returns its paths, the top first. */
function makeChain(
  folder: string,
  layers: readonly { isExtended: boolean; changes: readonly Change[] }[],
): string[] {
  const paths: string[] = [];
  for (const [index, { isExtended, changes }] of layers.entries()) {
    const path = join(folder, `${index}.qcow2`);
    const [below] = paths;
    const backing = below === undefined ? [] : ['-F', 'qcow2', '-b', below];
    const form = ['-o', `extended_l2=${isExtended ? 'on' : 'off'}`];
    const made = ['create', '-q', '-f', 'qcow2', ...form, ...backing, path, `${diskKib}K`];
    execFileSync('qemu-img', made, quiet);
    const commands = changes.flatMap((one) => ['-c', command(one)]);
    execFileSync('qemu-io', ['-f', 'qcow2', '-d', 'unmap', ...commands, path], quiet);
    paths.unshift(path);
  }
  return paths;
}

describe('a chain of files with extended tables and without', () => {
  it('is read as QEMU reads it, whatever was written, zeroed and discarded', async () => {
    const layers = fc.array(layer, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(layers, async (given) => {
        const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
        try {
          const paths = makeChain(folder, given);
          const raw = join(folder, 'raw');
          const [top = ''] = paths;
          execFileSync('qemu-img', ['convert', '-O', 'raw', top, raw], quiet);
          const expected = await readFile(raw);
          const chain = await openChain(paths);
          assert.ok((await chain.read(0, diskKib * kib)).equals(expected));
          await chain.close();
          const lowest = paths.at(-1) ?? '';
          await assertQcow2Whole(lowest);
          if (paths.length > 1) return;
          await readingQcow2(lowest, async (read, bytes) => {
            assert.equal(bytes, diskKib * kib);
            assert.ok((await read(0, bytes)).equals(expected));
          });
        } finally {
          await rm(folder, { recursive: true });
        }
      }),
      { numRuns: runs(25) },
    );
  });

  it('tells an empty overlay from one with a single sector, which takes no cluster of room', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
    try {
      const written = { what: 'write', at: 0, sectors: diskKib * 2, pattern: 7 } as const;
      const sector = { what: 'write', at: 3, sectors: 1, pattern: 8 } as const;
      const [top = '', below = ''] = makeChain(folder, [
        { isExtended: false, changes: [written] },
        { isExtended: true, changes: [sector] },
      ]);
      assert.equal(await isEmptyOverlay(top), false);
      const { blocks } = await stat(top);
      assert.ok(blocks * 512 < 5 * 64 * kib + 8 * kib, `${blocks} blocks`);
      const empty = join(folder, 'empty.qcow2');
      const form = ['-f', 'qcow2', '-o', 'extended_l2=on', '-F', 'qcow2', '-b', below];
      execFileSync('qemu-img', ['create', '-q', ...form, empty], quiet);
      assert.equal(await isEmptyOverlay(empty), true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Types commands to `qemu-io`, which has an overlay open as the QEMU of a machine has it. */
function session(t: TestContext, path: string) {
  const tool = spawn('qemu-io', ['-f', 'qcow2', '-t', 'writeback', '-d', 'unmap', path]);
  defer(t, () => void tool.kill('SIGKILL'));
  let prompts = 0;
  tool.stdout.on('data', (chunk: Buffer) => {
    prompts += chunk.toString().split('qemu-io> ').length - 1;
  });
  let asked = 0;
  return {
    /** Types one command after the other, because the tool takes one line when it looks. */
    async type(...commands: string[]) {
      for (const one of commands) {
        const isReady = () => prompts > asked;
        await waitFor('the tool is ready', isReady, 60_000, 5);
        asked = prompts;
        tool.stdin.write(`${one}\n`);
      }
      await waitFor('the commands are done', () => prompts > asked, 60_000, 5);
    },
    async kill() {
      const gone = once(tool, 'exit');
      tool.kill('SIGKILL');
      await gone;
    },
  };
}

const whole: Change = { what: 'write', at: 0, sectors: diskKib * 2, pattern: 7 };
/** The first half of the disk, or the second. */
const within = (half: 0 | 1, changes: readonly Change[]): Change[] =>
  changes.map((one) => {
    const at = one.at % diskKib;
    return { ...one, at: at + half * diskKib, sectors: Math.min(one.sectors, diskKib - at) };
  });

/**
 * A base, and an overlay with extended tables and these changes; returns the paths, the top first.
 */
const overlayWith = (folder: string, changes: readonly Change[]) =>
  makeChain(folder, [
    { isExtended: false, changes: [whole] },
    { isExtended: true, changes },
  ]);

describe('an overlay whose host loses its power', { skip: leftOutWithoutRoot }, () => {
  it('has each write that was flushed, and its structure is sound', async (t) => {
    const disk = await cuttableDisk(t, 64);
    const some = fc.array(change, { minLength: 1, maxLength: 12 });
    for (const parts of fc.sample(fc.array(some, { minLength: 2, maxLength: 5 }), runs(6))) {
      const folder = await mkdtemp(join(disk.folder, 'chain-'));
      const reference = await mkdtemp(join(tmpdir(), 'silversmith-'));
      const paths = overlayWith(folder, []);
      const [path = ''] = paths;
      execFileSync('sync', ['-f', folder], quiet);
      // The writes that are not flushed are in the other half, so it is known what must be there.
      const tool = session(t, path);
      for (const changes of parts) {
        await tool.type(...within(0, changes).map(command), 'flush');
        await tool.type(...within(1, changes).map(command));
      }
      disk.fail();
      await tool.kill();
      await disk.mend();
      execFileSync('qemu-img', ['check', '-q', '-r', 'leaks', path], quiet);
      const same = overlayWith(reference, within(0, parts.flat()));
      const [found, expected] = await Promise.all(
        [paths, same].map(async (chain) => {
          const opened = await openChain(chain);
          const half = await opened.read(0, diskKib * 512);
          await opened.close();
          return half;
        }),
      );
      assert.ok(expected && found?.equals(expected), JSON.stringify(parts));
      await rm(folder, { recursive: true });
      await rm(reference, { recursive: true });
    }
  });
});
