// How a build machine ends: a reboot that its recipe asked for, and ends that nobody asked for.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { AppError } from '../../src/domain/error.ts';
import type { Recipe } from '../../src/domain/software.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { layerId, recipeOf } from '../contract/engine/world.ts';
import { demoBase } from '../demo-base.ts';
import { type Scope, temporaryFolder } from '../support.ts';

/** Returns what builds a recipe on the demo base, with little memory. */
async function builder(t: Scope) {
  const engine = await openQemu({ root: join(await temporaryFolder(t), 'engine') });
  const { boot: profile, ...files } = await demoBase();
  const base = layerId();
  await engine.importBase({ layerId: base, ...(await contents(files)) }, call);
  const boot = { ...profile, build: { cpus: 1, memoryMb: 192 } };
  const on = { parentId: base, baseLayerId: base, chain: [base], boot, sizeBytes: 3 * gbBytes };
  return (script: string, more: Partial<Recipe> = {}) =>
    engine
      .buildLayer(
        { layerId: layerId(), ...on, label: 'Tool', recipe: recipeOf(script, more) },
        call,
      )
      .catch((error: AppError) => error);
}

const refused = (result: unknown) => {
  assert.ok(result instanceof Error, JSON.stringify(result));
  return result as AppError;
};

describe('a recipe', () => {
  it('goes on after a reboot that it asked for; and fails when memory was short, whatever its status', async (t) => {
    const build = await builder(t);
    const script = `if [ $SILVERSMITH_BOOT = 1 ]; then
  echo first boot, with $(ls *.txt 2>/dev/null | wc -l) texts
  echo kept >state.txt
  exit 75
fi
echo second boot, $(cat state.txt)
head -c 400m /dev/zero | tail | sleep 1
exit 0
`;
    const error = refused(await build(script, { rebootStatus: 75 }));
    assert.match(error.message, /Tool ran out of memory: the kernel .* ended 1 of its processes/);
    assert.match(
      error.output ?? '',
      /first boot, with 0 texts\n… a reboot.*75 …\nsecond boot, kept/s,
    );
    assert.equal(error.retry, 'never');
  });

  it('that reboots its machine without asking, or makes its kernel panic, is named with what it printed', async (t) => {
    const build = await builder(t);
    const trigger = (key: string) =>
      `echo before the end; sync; sleep 1; echo ${key} >/proc/sysrq-trigger; sleep 60`;
    const [reset, panic] = [refused(await build(trigger('b'))), refused(await build(trigger('c')))];
    assert.match(reset.message, /rebooted before its script was done.*--reboot-status/s);
    assert.match(panic.message, /its kernel panicked/);
    for (const { message, retry } of [reset, panic])
      assert.deepEqual([message.includes('before the end'), retry], [true, 'never']);
  });
});
