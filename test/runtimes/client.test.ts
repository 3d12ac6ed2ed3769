// npm run test:runtimes: the client in each runtime for which it is meant. One program, which uses
// all of the client, runs in each against a server on the simulator.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { demoKey, demoServer } from '../demo-server.ts';
import { defer, temporaryFolder } from '../support.ts';
import { browsers, pageServer } from './browser.ts';
import { newProject, runtimes } from './fetched.ts';

const expected = {
  ...{ isAvailable: true, isListed: true, isUploaded: true, isDownloaded: true },
  heard: ['image.changed', true, 'end', 'available'],
  refusal: ['not_found', true],
  stopped: 'enough',
};

describe('the client', () => {
  it('works in each runtime, and in browsers for pages of origins that the server allows', async (t) => {
    const project = await newProject(await temporaryFolder(t));
    const allowed = await pageServer(t, project.home);
    const stranger = await pageServer(t, project.home);
    const dataDir = join(await temporaryFolder(t), 'data');
    const server = demoServer(dataDir, '--cors-origin', allowed.origin);
    defer(t, () => server.end('SIGTERM'));
    await server.start();
    const given = { url: server.url(), ...(await demoKey(dataDir)) };

    for (const [name, command] of Object.entries(runtimes))
      await t.test(`works in ${name}`, () => {
        assert.deepEqual(project.run(command, { ...given, name }), expected);
      });

    for (const [name, start] of Object.entries(browsers)) {
      await t.test(`works in ${name}, in a page of an origin that the server allows`, async () => {
        assert.deepEqual(await allowed.open(start, { ...given, name }), expected);
      });

      await t.test(`gets nothing in ${name}, in a page of another origin`, async () => {
        const refused = await stranger.open(start, { ...given, name: 'Stranger' });
        const { name: error, why } = refused as { name: string; why: string };
        assert.deepEqual([error, why], ['NoAnswerError', 'unreachable']);
      });
    }
  });
});
