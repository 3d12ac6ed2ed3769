// Prism, which answers requests with examples from an OpenAPI document: a peer that does nothing of
// what a service has to do. It is measured where its command is on the PATH.

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { waitFor } from '../../test/support.ts';

const startMostMs = 60_000;
const documented = new URL('../../api/openapi.json', import.meta.url).pathname;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('there is no port');
  return address.port;
}

/** Starts it on the committed document; null where it is not installed. */
export async function startPrism(): Promise<{ url: string; end: () => void } | null> {
  const port = await freePort();
  const child = spawn('prism', ['mock', '-p', String(port), documented], { stdio: 'ignore' });
  let isMissing = false;
  child.once('error', () => {
    isMissing = true;
  });
  const url = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(url).then(
      () => true,
      () => false,
    );
  await waitFor('Prism answers', async () => isMissing || (await answers()), startMostMs, 200);
  return isMissing ? null : { url, end: () => child.kill() };
}
