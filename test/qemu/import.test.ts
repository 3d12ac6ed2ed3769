// Disks from outside in every format and packing that people have: those of the corpus are taken
// with their content, or refused with their reason.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { AppError } from '../../src/domain/error.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { fileContent } from '../../src/lib/content.ts';
import { call } from '../call.ts';
import { layerId } from '../contract/engine/world.ts';
import { temporaryFolder } from '../support.ts';
import { type Case, corpusIn, plainDisk } from './corpus.ts';
import { casesOf } from './import-cases.ts';

const bytesMax = 64 * 1024 ** 2;
const holdsOther = ['btrfs', 'LVM'];

describe('an import', () => {
  it('has each case of the corpus in the reference, with its verdict', async (t) => {
    const page = await readFile(
      new URL('../../docs/reference/imports.md', import.meta.url),
      'utf8',
    );
    const [, table = ''] = page.split('| format | variant | verdict |\n|---|---|---|\n');
    const row = ({ format, variant, verdict }: Case) =>
      `| ${format} | ${variant} | ${verdict === 'taken' ? 'taken' : 'refused'} |`;
    const cases = casesOf(corpusIn(await temporaryFolder(t), ''));
    assert.equal(table, `${cases.map(row).join('\n')}\n`);
  });

  it('takes every disk of the corpus with its content, and refuses the rest with the reason', async (t) => {
    const folder = await temporaryFolder(t);
    const raw = await plainDisk(folder);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const wrong: string[] = [];
    for (const { format, variant, verdict, wanted, make } of casesOf(corpusIn(folder, raw))) {
      const what = `${format}, ${variant}`;
      const id = layerId();
      const disk = await fileContent(await make());
      const begun = performance.now();
      const spec = { layerId: id, parentId: null, bytesMax, disk, wanted };
      const said = await engine.transfer.importLayer(spec, call).then(
        () => 'taken',
        (error: AppError) => `${error.code}: ${error.message} ${error.detail ?? ''}`,
      );
      t.diagnostic(`${what}: ${Math.round(performance.now() - begun)} ms: ${said}`);
      if (
        verdict === 'taken'
          ? said !== 'taken'
          : !(said.startsWith('invalid: ') && verdict.test(said))
      )
        wrong.push(`${what}: ${said}`);
      if (said !== 'taken') continue;
      if (!holdsOther.includes(format)) {
        const layer = join(folder, 'engine', 'layers', `${id}.qcow2`);
        const compared = ['compare', '-f', 'raw', '-F', 'qcow2', raw, layer];
        if (!/identical/.test(execFileSync('qemu-img', compared).toString()))
          wrong.push(`${what}: other content`);
      }
      await engine.removeLayer(id, call);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(await readdir(join(folder, 'engine', 'builds')), []);
  });

  it('says what keeps a machine from starting on the disk, and its system from growing with it', async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const taken = async (path: string) => {
      const baseLayerId = layerId();
      const spec = { layerId: baseLayerId, parentId: null, bytesMax };
      await engine.transfer.importLayer({ ...spec, disk: await fileContent(path) }, call);
      const root = { boot: { mode: 'bios' }, baseLayerId } as const;
      const { bootCheck } = engine;
      const fault = await bootCheck.fault(root, call);
      return [fault?.says ?? '', (await bootCheck.growthFault(root, call)) ?? ''];
    };
    const [bare, grows] = await taken(await plainDisk(folder));
    assert.match(bare ?? '', /holds ext without a partition table .* base add --kernel/);
    assert.equal(grows, '');

    const disk = Buffer.alloc(8 * 1024 ** 2, 1);
    disk.fill(0, 446, 510);
    disk.writeUInt16BE(0x55aa, 510);
    for (const [at, type, start, sectors] of [
      [446, 0x83, 2048, 8192],
      [462, 0x82, 10_240, 4096],
    ] as const) {
      disk[at + 4] = type;
      disk.writeUInt32LE(start, at + 8);
      disk.writeUInt32LE(sectors, at + 12);
    }
    await writeFile(join(folder, 'swap.raw'), disk);
    const [starts, swap] = await taken(join(folder, 'swap.raw'));
    assert.equal(starts, '');
    assert.match(swap ?? '', /behind its partition 1, the largest, lies partition 2 \(swap\)/);
  });
});
