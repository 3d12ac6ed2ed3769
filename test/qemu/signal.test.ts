// A signal ends the operator's commands that read layers within seconds, however large a layer is.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { OperatorEntry } from '../../src/domain/operator-audit.ts';
import { entry } from '../server-process.ts';
import { runIn } from '../simulator/demo.ts';
import { waitFor } from '../support.ts';
import { startQuick } from './quick-server.ts';

const endsMs = 60_000;
/** A sparse file of this size takes many minutes to read, but no room on the disk. */
const longBytes = 1024 ** 4;

describe('doctor --deep and layer verify', () => {
  it('end within seconds of a signal, and report no layer damaged that they have not read', async (t) => {
    const { dataDir, close } = await startQuick(t);
    await close();
    const layers = join(dataDir, 'engine', 'layers');
    const name = (await readdir(layers)).find((one) => one.endsWith('.qcow2')) ?? '';
    await chmod(join(layers, name), 0o644);
    await truncate(join(layers, name), longBytes);
    const run = runIn(dataDir, null);
    const newest = async (): Promise<OperatorEntry> =>
      JSON.parse((await run('audit', 'list', '--limit', '1', '--json')).out)[0];
    for (const [command, signal] of [
      [['doctor', '--deep'], 'SIGINT'],
      [['layer', 'verify'], 'SIGTERM'],
    ] as const) {
      const child = spawn(process.execPath, [entry, ...command, '--data-dir', dataDir], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let err = '';
      child.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
      await waitFor(
        'the command is at work',
        async () => {
          const { action, outcome } = await newest();
          return action === 'layerVerify' && outcome === 'begun';
        },
        60_000,
      );
      const startedAt = performance.now();
      child.kill(signal);
      assert.ok([130, 143].includes((await closed) ?? 0), err);
      const tookMs = performance.now() - startedAt;
      assert.ok(tookMs < endsMs, `${tookMs} ms`);
      assert.match(err, /^error: It was interrupted/);
      assert.equal((await newest()).outcome, 'failed');
    }
    assert.doesNotMatch((await run('layer', 'list')).out, /quarantined/);
  });
});
