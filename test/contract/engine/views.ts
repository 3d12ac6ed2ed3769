// The contract of the screen and the console of a machine that is on, where an engine has them.

import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import type { MachineId } from '../../../src/domain/ids.ts';
import type { Engine } from '../../../src/engine/port/engine.ts';
import { call } from '../../call.ts';
import { waitFor } from '../../support.ts';

/** Gathers what a stream gives. */
export function heard(stream: Duplex) {
  let all = Buffer.alloc(0);
  stream.on('data', (bytes: Buffer) => {
    all = Buffer.concat([all, bytes]);
  });
  return () => all;
}

const closed = (stream: Duplex) => waitFor('the stream ends', () => stream.closed);

/** Types a word at the login on a console, and sees it. */
async function talk(stream: Duplex, said: () => Buffer, word: string): Promise<void> {
  const asked = () => {
    const shown = said().includes('login:');
    // A guest that is still starting drops a key, and one that was never asked shows no login.
    if (!shown) stream.write('\r');
    return shown;
  };
  await waitFor('a login is shown', asked, 60_000, 500);
  stream.write(word);
  await waitFor('the console shows what was typed', () => said().includes(word));
}

/** Returns streams that are still open. */
export async function checkViews(engine: Engine, id: MachineId): Promise<Duplex[]> {
  const open: Duplex[] = [];
  const { screen, console } = engine;
  if (screen) {
    const png = await screen.picture(id, call);
    assert.equal(png.subarray(1, 4).toString(), 'PNG');
    assert.ok(png.readUInt32BE(16) >= 320 && png.readUInt32BE(20) >= 200, 'it has a size');
    // Any number of viewers may look at the same time.
    for (const viewer of [await screen.open(id, call), await screen.open(id, call)]) {
      const said = heard(viewer);
      await waitFor('the server of RFB has greeted', () => said().length >= 12);
      assert.equal(said().subarray(0, 12).toString(), 'RFB 003.008\n');
      viewer.write('RFB 003.008\n');
      await waitFor('it says which security it has', () => said().length >= 14);
      assert.deepEqual([...said().subarray(12, 14)], [1, 1], 'none, because the socket is closed');
      open.push(viewer);
    }
  }
  if (console?.open) {
    const first = await console.open(id, call);
    const said = heard(first);
    await talk(first, said, 'silver');
    // A later reader takes the console over, and gets what the first has seen.
    const second = await console.open(id, call);
    await closed(first);
    const again = heard(second);
    await talk(second, again, 'smith');
    if (engine.name === 'qemu') assert.match(again().toString(), /login:[\s\S]*silver/);
    open.push(second);
  }
  return open;
}

/** The streams of a machine that went off end. */
export async function checkEnd(streams: readonly Duplex[]): Promise<void> {
  for (const stream of streams) await closed(stream);
}
