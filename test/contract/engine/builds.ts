// The contract of builds: files of recipes, and the layers that recipes leave.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileContent } from '../../../src/lib/content.ts';
import { call } from '../../call.ts';
import type { World } from './world.ts';
import { layerId, recipeOf } from './world.ts';

export function testBuilds(world: World): void {
  it('refuses a recipe file whose content has another digest', async () => {
    const { engine, folder } = world;
    const path = join(folder, 'payload');
    await writeFile(path, 'content');
    const given = { sha256: '0'.repeat(64), content: await fileContent(path) };
    await assert.rejects(engine.importFile(given, call), /digest/);
  });

  it('builds a layer once, and a failing recipe leaves no layer', async () => {
    const { base, boot, engine, sizeBytes } = world;
    const layer = layerId();
    const spec = {
      layerId: layer,
      parentId: base,
      baseLayerId: base,
      chain: [base],
      boot,
      sizeBytes,
      recipe: recipeOf('echo installed\n'),
      label: 'a title',
    };
    const built = await engine.buildLayer(spec, call);
    assert.equal(built.exitCode, 0);
    assert.equal((await engine.buildLayer(spec, call)).exitCode, 0);
    assert.ok((await engine.inventory(call)).layers.has(layer));

    const failing = layerId();
    const failed = await engine.buildLayer(
      {
        ...spec,
        layerId: failing,
        label: 'sim-exit-7',
        recipe: recipeOf('echo before it ends; exit 7'),
      },
      call,
    );
    assert.equal(failed.exitCode, 7);
    assert.ok(!(await engine.inventory(call)).layers.has(failing));
    await engine.removeLayer(layer, call);
  });
}
