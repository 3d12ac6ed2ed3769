// Programs of others that list images, in processes of their own. They end with the benchmark, also
// when it is killed.

import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { waitFor } from '../../test/support.ts';

const startMostMs = 60_000;

export interface Peer {
  url: string;
  /** The path of a page of images. */
  path: string;
  end(): void;
}

export const isInstalled = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('there is no port');
  return address.port;
}

/** Starts a program, and waits until it gives an answer of 200 that `isRight`. */
export async function startPeer(
  [command = '', ...args]: readonly string[],
  { url, path }: Omit<Peer, 'end'>,
  isRight: (answer: unknown) => boolean = () => true,
): Promise<Peer> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
    stdio: 'ignore',
  });
  const answers = () =>
    // Prism refuses a request without the header, and does not look at what is in it.
    fetch(`${url}${path}`, { headers: { authorization: 'HMAC none' } }).then(
      async (response) => response.ok && isRight(await response.json()),
      () => false,
    );
  try {
    await waitFor(
      `${command} answers`,
      async () => child.exitCode !== null || (await answers()),
      startMostMs,
      200,
    );
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}`);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return { url, path, end: () => child.kill() };
}
