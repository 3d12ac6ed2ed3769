// The page that a link opens, in Debian's Chromium: it shows the machine's screen and console, from
// this server alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startHarness } from '../http/harness.ts';
import { waitFor } from '../support.ts';
import { browser, pageOf } from './page.ts';

/** The colour in the middle of the picture of the screen; null while there is none. */
const colourOf = (page: Page) =>
  page.evaluate<number[] | null>(`(() => {
    const canvas = document.querySelector('#screen canvas');
    const data = canvas?.getContext('2d').getImageData(160, 100, 1, 1).data;
    return data ? [...data] : null;
  })()`);

const textOf = (page: Page) => page.locator('#console .xterm-rows').innerText();

describe('the page of a link', () => {
  it('shows the screen and the console of the machine, and asks no other server', async (t) => {
    const h = await startHarness(t);
    const url = await h.service.app.listen({ host: '127.0.0.1', port: 0 });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    const { attributes } = (await h.call('machineAccess', { params: { id } })).body;
    const link = url + new URL(attributes.connection_link).pathname;
    const { page, faults, origins } = await pageOf(await browser(t));
    const answer = await page.goto(link);
    const policy = answer?.headers()['content-security-policy'] ?? '';
    assert.match(policy, /^default-src 'none'; script-src 'self';/);
    await page.getByText('This link opens the machine once').waitFor();
    await page.getByRole('button', { name: 'Open the machine' }).click();
    const colour = [32, (id * 67) % 256, 160, 255];
    await waitFor(
      'the screen is shown',
      async () => JSON.stringify(await colourOf(page)) === JSON.stringify(colour),
    );
    await page.getByRole('button', { name: 'Console' }).click();
    await waitFor('the console is shown', async () => (await textOf(page)).includes('login:'));
    await page.keyboard.type('silver\n');
    await waitFor('it takes keys', async () => (await textOf(page)).includes('Hello silver!'));
    // A reload goes on with the machine, and a second visitor gets nothing.
    await page.reload();
    await waitFor('the screen is back', async () => (await colourOf(page)) !== null);
    const other = await pageOf(page.context().browser() as Browser);
    await other.page.goto(link);
    await other.page.getByText('This link was used, is over').waitFor();
    assert.deepEqual([...faults], []);
    await h.call('machineStop', { params: { id } });
    await page.getByText('The machine is off.').waitFor();
    assert.deepEqual([...origins], [url]);
  });
});
