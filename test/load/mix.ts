// The mix: many connections at full speed, with reads and writes of each kind.

import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadAnswer, LoadRequest } from './client.ts';
import { atRest, type UnderLoad } from './load.ts';

export interface MixResult {
  /** How long each read took, in ms; likewise writes. */
  reads: number[];
  writes: number[];
  seconds: number;
  /** One line for each answer with 5xx, and for each that did not come. */
  errors: string[];
  /** The resident memory of the server, once a second. */
  memory: [minutes: number, mb: number][];
}

/**
 * Runs `connections` callers for `seconds`, each with one request at a time. Three of ten requests
 * change something. A refusal that the contract names is not an error.
 */
export async function runMix(
  on: UnderLoad,
  connections: number,
  seconds: number,
): Promise<MixResult> {
  const result: MixResult = { reads: [], writes: [], seconds, errors: [], memory: [] };
  const begun = performance.now();
  const goesOn = () => performance.now() - begun < seconds * 1000;
  const images: number[] = [];
  const keep = ({ body, status }: LoadAnswer) => {
    if (status === 200) images.push(Number(body.attributes.id));
    // Requests name the newest 200 images; older ones are likely deleted by now.
    if (images.length > 200) images.shift();
  };
  const caller = async (number: number) => {
    for (let round = number; goesOn(); round++) {
      const machine = 1 + (round % 6);
      const image = images[(round * 7) % images.length] ?? 1;
      const turns: LoadRequest[] = [
        { name: 'imageList', query: '?per_page=20' },
        { name: 'machineGet', id: machine },
        {
          name: 'imageInstall',
          body: { software_ids: [1 + (round % 4)], name: `load-${number}-${round}` },
        },
        { name: 'imageGet', id: image },
        { name: 'machineList' },
        { name: round % 20 < 10 ? 'machineStart' : 'machineStop', id: machine },
        { name: 'softwareList' },
        { name: 'imageList', query: '?q=load' },
        round % 30 < 10
          ? { name: 'imageAssign', id: image, body: { machine_ids: [machine] } }
          : { name: 'imageDelete', id: image },
        { name: 'imageGet', id: image },
      ];
      const asked = turns[round % turns.length] as LoadRequest;
      const isRead = /List|Get/.test(asked.name);
      const answered = await on.ask(asked);
      (isRead ? result.reads : result.writes).push(answered.ms);
      if (asked.name === 'imageInstall') keep(answered);
      if (answered.status === 0 || answered.status >= 500)
        result.errors.push(
          `${asked.name}: ${answered.status} ${JSON.stringify(answered.body).slice(0, 200)}`,
        );
    }
  };
  const watching = (async () => {
    while (goesOn()) {
      result.memory.push([(performance.now() - begun) / 60_000, await on.residentMb()]);
      await sleep(1000);
    }
  })();
  await Promise.all([
    watching,
    ...Array.from({ length: connections }, (_, number) => caller(number)),
  ]);
  await atRest(on);
  return result;
}
