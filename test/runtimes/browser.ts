// A page in a browser that runs the program of the client, and tells a server of the test what came
// of it. The page needs no bundler: an import map says where the package is.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

const limitMs = 60_000;

/** How each browser is started on a page, with a folder for its profile. */
export const browsers = {
  Chromium: (profile: string) => [
    ...['/usr/bin/chromium', '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic'],
    ...['--no-first-run', '--disable-background-networking', '--disable-component-update'],
    ...['--disable-sync', `--user-data-dir=${profile}`],
  ],
  Firefox: (profile: string) => [
    ...['/usr/bin/firefox-esr', '--headless', '--no-remote', '--profile', profile],
  ],
};

const page = (given: object) => `<!doctype html><title>client</title>
<script type="importmap">
{ "imports": { "silversmith-client": "/node_modules/silversmith-client/dist/client/silversmith.js" } }
</script>
<script type="module">
const tell = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
try {
  const { main } = await import('/program.js');
  await tell(await main(${JSON.stringify(given).replaceAll('<', '\\u003c')}));
} catch (error) {
  await tell({ name: error.name, why: error.why, message: error.message });
}
</script>`;

/** Serves the files of a project, and the page. */
export async function pageServer(t: Scope, home: string) {
  let given: object = {};
  let result: unknown;
  const server = createServer(async (request, response) => {
    const path = normalize(request.url ?? '');
    if (path === '/result') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      result = JSON.parse(Buffer.concat(chunks).toString());
      return response.end();
    }
    if (path === '/') return response.setHeader('content-type', 'text/html').end(page(given));
    const file = await readFile(join(home, path)).catch(() => null);
    response.statusCode = file === null ? 404 : 200;
    return response.setHeader('content-type', 'text/javascript').end(file ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    /** Opens the page in a new browser, and resolves to what it tells. */
    async open(start: (profile: string) => readonly string[], what: object): Promise<unknown> {
      [given, result] = [what, undefined];
      const folder = await temporaryFolder(t);
      const [program = '', ...args] = start(folder);
      // A process group, because a browser has many processes.
      const browser = spawn(program, [...args, origin], {
        stdio: 'ignore',
        detached: true,
        env: { PATH: process.env.PATH, HOME: folder },
      });
      const ended = new Promise((resolve) => browser.once('close', resolve));
      let failure: Error | undefined;
      browser.once('error', (error) => {
        failure = error;
      });
      try {
        return await waitFor(
          'the page tells what came of it',
          () => {
            if (failure) throw failure;
            return result;
          },
          limitMs,
          50,
        );
      } finally {
        if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
        await ended;
      }
    },
  };
}
