// The console of a simulated machine: a login prompt that greets whatever is typed.

import { Duplex } from 'node:stream';
import { AppError } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import type { Console } from '../optional/console.ts';
import type { OpenStreams } from './open-streams.ts';
import type { State, StateFile } from './state.ts';

/** The longest line that is greeted; more is cut off. */
const lineCharsMax = 200;

/** The record of a machine that is on. Throws `machine_not_ready`. */
export async function machineOn(
  file: StateFile,
  id: MachineId,
): Promise<State['machines'][string]> {
  const machine = (await file.current()).machines[id];
  if (machine) return machine;
  throw new AppError(
    'machine_not_ready',
    `Machine ${id} is off; start it: silversmith machine start ${id}`,
  );
}

export function consoleIn(file: StateFile, streams: OpenStreams): Console {
  const opened = new Map<MachineId, Duplex>();
  return {
    read: async () => '',
    async open(id) {
      const { name } = await machineOn(file, id);
      opened.get(id)?.destroy();
      const prompt = `${name} login: `;
      let line = '';
      const stream: Duplex = new Duplex({
        allowHalfOpen: false,
        read() {},
        write(bytes: Buffer, _encoding, done) {
          for (const character of bytes.toString()) {
            const isEnd = character === '\r' || character === '\n';
            line = isEnd ? line : (line + character).slice(0, lineCharsMax);
            stream.push(isEnd ? `\r\nHello ${line}!\r\n${prompt}` : character);
            if (isEnd) line = '';
          }
          done();
        },
        destroy(error, done) {
          if (opened.get(id) === stream) opened.delete(id);
          done(error);
        },
      });
      opened.set(id, stream);
      stream.push(prompt);
      return streams.add(id, stream);
    },
  };
}
