// A name server for a test, on UDP. Its answers may differ from one look-up to the next.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { type Answer, decode, encode, type Question } from 'dns-packet';
import { defer, type Scope } from '../support.ts';

/** What a name stands for: addresses, or the name of another one. */
export type Zone = Record<string, (lookUp: number) => readonly string[]>;

const recordTypes = { 4: 'A', 6: 'AAAA', 0: 'CNAME' } as const;

/** Starts a name server on this host at the usual port. */
export async function startNameServer(t: Scope, zone: Zone) {
  const asked = new Map<string, number>();
  const socket = createSocket('udp4');
  const answersTo = ({ name, type }: Question): Answer[] => {
    // A resolver asks for both versions at once, and these are one look-up.
    const question = `${name} ${type}`;
    const lookUp = asked.get(question) ?? 0;
    asked.set(question, lookUp + 1);
    return (zone[name]?.(lookUp) ?? []).flatMap((data): Answer[] => {
      const own = recordTypes[isIP(data) as keyof typeof recordTypes];
      if (own === 'CNAME')
        return [
          { type: own, name, data, ttl: 0 },
          ...answersTo({ name: data, type }).map((one) => ({ ...one, ttl: 0 })),
        ];
      return own === type ? [{ type: own, name, data, ttl: 0 }] : [];
    });
  };
  socket.on('message', (message, { port, address }) => {
    const { id = 0, questions = [] } = decode(message);
    const answers = questions.flatMap(answersTo);
    socket.send(encode({ type: 'response', id, flags: 0x180, questions, answers }), port, address);
  });
  socket.bind(53, '127.0.0.1');
  await once(socket, 'listening');
  defer(t, () => void socket.close());
  /** How often the addresses of version 4 of a name were asked for. */
  return { lookUps: (name: string) => asked.get(`${name} A`) ?? 0 };
}
