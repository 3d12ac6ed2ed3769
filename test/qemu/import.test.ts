// Disks from outside in every format and packing that people have: those of the corpus are taken
// with their content, or refused with their reason.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
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
});
