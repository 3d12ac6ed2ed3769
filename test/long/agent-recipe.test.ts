// Builds on a base that reads no seed: the guest agent runs the recipe. The guest is a Linux that
// knows nothing of Silversmith.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { AppError } from '../../src/domain/error.ts';
import type { Recipe } from '../../src/domain/software.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { fileContent } from '../../src/lib/content.ts';
import { sha256File } from '../../src/lib/files.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { layerId, recipeOf } from '../contract/engine/world.ts';
import { livingBase } from '../qemu/quick-base.ts';
import { type Scope, temporaryFolder, waitFor } from '../support.ts';

async function builder(t: Scope) {
  const folder = await temporaryFolder(t);
  const engine = await openQemu({ root: join(folder, 'engine') });
  t.after(() => engine.close());
  const { boot: profile, ...files } = await livingBase(folder);
  const base = layerId();
  await engine.importBase({ layerId: base, ...(await contents(files)) }, call);
  const boot = { ...profile, agentShell: 'sh' as const, build: { cpus: 1, memoryMb: 256 } };
  const on = { parentId: base, baseLayerId: base, chain: [base], boot, sizeBytes: 3 * gbBytes };
  const lines: string[] = [];
  return {
    lines,
    engine,
    build: (script: string, more: Partial<Recipe> = {}, signal = call.signal) =>
      engine
        .buildLayer(
          {
            ...{ layerId: layerId(), ...on, label: 'Tool', recipe: recipeOf(script, more) },
            onLine: (line) => lines.push(line),
          },
          { ...call, signal },
        )
        .catch((error: AppError) => error),
  };
}

describe('a recipe that the guest agent runs', () => {
  it('has its files, goes on after a reboot, and tells what it prints as it prints it', async (t) => {
    const { build, engine, lines } = await builder(t);
    const path = new URL('../../package.json', import.meta.url).pathname;
    const sha256 = await sha256File(path);
    await engine.importFile({ sha256, content: await fileContent(path) }, call);
    const bytes = (await readFile(path)).length;
    const script = `echo boot $SILVERSMITH_BOOT: $(sha256sum tool.json | cut -c1-64)
if [ $SILVERSMITH_BOOT = 1 ]; then
  touch kept
  exit 194
fi
ls kept
`;
    const files = [{ name: 'tool.json', sha256, bytes }];
    const built = await build(script, { files, rebootStatus: 194 });
    assert.ok(!(built instanceof Error), String(built));
    assert.equal(built.exitCode, 0, built.output);
    assert.deepEqual(
      lines.filter((line) => line !== ''),
      [`boot 1: ${sha256}`, `boot 2: ${sha256}`, 'kept'],
    );
    assert.match(built.output, /a reboot, as the script asked for with exit status 194/);
  });

  it('ends with its status, its reason, or at once when it is cancelled', async (t) => {
    const { build, lines } = await builder(t);
    const failed = await build('echo it cannot; exit 7\n');
    assert.ok(!(failed instanceof Error), String(failed));
    assert.deepEqual([failed.exitCode, failed.output.trim()], [7, 'it cannot']);
    const reset = await build('echo before; sleep 3; echo b >/proc/sysrq-trigger; sleep 60\n');
    assert.ok(reset instanceof Error);
    assert.match(reset.message, /rebooted before its script was done.*before/s);
    const panic = await build('echo before; sleep 3; echo c >/proc/sysrq-trigger; sleep 60\n');
    assert.ok(panic instanceof Error);
    assert.match(panic.message, /its kernel panicked/);
    const late = await build('echo slow; sleep 3600\n', { timeoutMs: 30_000 });
    assert.ok(late instanceof Error);
    assert.match(late.message, /not done within its limit of 30 s/);
    const cancelled = new AbortController();
    const building = build('echo cancel me; sleep 3600\n', {}, cancelled.signal);
    await waitFor('it prints', async () => lines.includes('cancel me'), 300_000);
    cancelled.abort(new Error('cancelled by a caller'));
    assert.match(String(await building), /cancelled by a caller/);
  });
});
