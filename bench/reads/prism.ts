// Prism, which answers requests with examples from an OpenAPI document: a peer that does nothing of
// what a service has to do. It is measured where its command is on the PATH.

import { freePort, isInstalled, type Peer, startPeer } from './peer.ts';

const documented = new URL('../../api/openapi.json', import.meta.url).pathname;

/** Starts it on the committed document; null where it is not installed. */
export async function startPrism(): Promise<Peer | null> {
  if (!isInstalled('prism')) return null;
  const port = await freePort();
  const command = ['prism', 'mock', '-p', String(port), documented];
  return startPeer(command, { url: `http://127.0.0.1:${port}`, path: '/images' });
}
