// A relay between a store and its PostgreSQL that breaks the connection at the moment of a commit,
// before the server has seen it or after.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { defer, type Scope } from '../support.ts';

interface Relay {
  /** The URL of the database, by way of the relay. */
  url: string;
  /** Breaks the next connection that commits. */
  breakAt(when: 'before commit' | 'after commit' | null): void;
}

export async function relayTo(t: Scope, database: string): Promise<Relay> {
  const target = new URL(database);
  let breakAt: Parameters<Relay['breakAt']>[0] = null;
  let commit: string | undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let isBroken = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    client.on('data', (chunk) => {
      // A connection sends the text of a statement once, with a name, and then its name alone.
      const sent = chunk.toString('latin1');
      commit = /(s\d+)\0commit\0/i.exec(sent)?.[1] ?? commit;
      const commits = commit !== undefined && sent.includes(`\0${commit}\0`);
      if (!commits || breakAt === null) return void upstream.write(chunk);
      isBroken = true;
      if (breakAt === 'before commit') return end();
      upstream.write(chunk);
    });
    // The server's answer to the commit shows that it has seen it.
    upstream.on('data', (chunk) => (isBroken ? end() : client.write(chunk)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(t, () => server.close());
  const url = new URL(database);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    breakAt: (when) => {
      breakAt = when;
    },
  };
}
