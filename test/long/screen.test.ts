// The link of a machine of the demo base, as a person uses it: in Chromium, with what its screen
// shows and what its keyboard types. SILVERSMITH_PICTURES names a folder for the pictures of it.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { browser, pageOf } from '../browser/page.ts';
import { call } from '../call.ts';
import { demoBase } from '../demo-base.ts';
import { startServer } from '../qemu/server.ts';
import { waitFor } from '../support.ts';

const limitMs = 900_000;
const picturesFolder = process.env.SILVERSMITH_PICTURES;

async function keep(name: string, picture: Uint8Array): Promise<void> {
  if (picturesFolder !== undefined) await writeFile(join(picturesFolder, name), picture);
}

describe('the link of a machine of the demo base', () => {
  it('lets a person log in on its screen and on its console, and type', async (t) => {
    const base = await demoBase();
    const boot = { ...base.boot, readyMs: limitMs };
    const server = await startServer(t, [], { base: { ...base, boot } });
    const [id = 0] = server.machines;
    const client = server.client();
    await client.machineStart({ id });
    await server.machine(id, 'ready', limitMs);
    /** The text of the screen, which the guest's kernel tells. */
    const shown = () => server.inside(id, 'fold -w 80 /dev/vcs1').catch(String);
    await waitFor('it offers a login', async () => /ENTER to login/.test(await shown()), limitMs);
    await keep('screen.png', await server.engine.screen.picture(id as MachineId, call));

    const { connection_link: link } = (await client.machineAccess({ id })).attributes;
    const { page, faults } = await pageOf(await browser(t));
    page.setDefaultTimeout(limitMs);
    await page.setViewportSize({ width: 900, height: 600 });
    await page.goto(server.url() + new URL(link).pathname);
    await page.getByRole('button', { name: 'Open the machine' }).click();
    await page.locator('#screen canvas').waitFor();
    await waitFor(
      'the page is connected',
      async () => (await page.locator('#said').innerText()) === '',
    );
    await page.keyboard.press('Enter');
    await waitFor('the shell is there', async () => /root@\S+:~#/.test(await shown()), limitMs);
    // Keys without shift: a browser that is driven presses none. PS/2 queues 16 keys, so not too
    // fast.
    await page.keyboard.type('uname -a; hostname; tty\n', { delay: 100 });
    await waitFor('it obeys', async () => (await shown()).includes('/dev/tty1'), limitMs);
    await page.waitForTimeout(2000);
    await keep('link.png', await page.screenshot());

    await page.getByRole('button', { name: 'Console' }).click();
    const console = () => page.locator('#console .xterm-rows').innerText();
    await waitFor(
      'so does its console',
      async () => /ENTER to login/.test(await console()),
      limitMs,
    );
    await page.keyboard.press('Enter');
    await waitFor('it logs in', async () => /root@\S+:~#/.test(await console()), limitMs);
    await page.keyboard.type('tty\n', { delay: 100 });
    await waitFor('it obeys', async () => (await console()).includes('/dev/ttyS0'), limitMs);
    assert.deepEqual([...faults], []);
  });
});
