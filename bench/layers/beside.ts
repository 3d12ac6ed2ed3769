// Measures a work of ours beside a peer that does the same to the same files. The two take turns in
// one run. Beside the time that passes it tells the time of the processors, because other programs
// of the host lengthen the former.

import type { Meter } from '../processor.ts';
import { median, type Row, spread } from '../report.ts';

const usualRounds = 7;

/** Takes the time of the work that is given to it. */
type Measured = <Result>(work: () => Promise<Result>) => Promise<Result>;
/** One round. Only the part that it gives to `measured` is measured. */
export type Round = (measured: Measured) => Promise<unknown>;

interface Comparison {
  what: string;
  ours: Round;
  peer: string;
  theirs: Round;
  /** Fewer, where one takes long. */
  rounds?: number;
}

interface Taken {
  wallMs: number;
  processorMs: number;
}

/** Makes a row of a table. The first of two works finds other caches, so each is first in turn. */
export const besideWith =
  (meter: Meter | null) =>
  async ({ what, ours, peer, theirs, rounds = usualRounds }: Comparison): Promise<Row> => {
    const [our, their]: [Taken[], Taken[]] = [[], []];
    const workedMs = async () => (await meter?.workedMs()) ?? 0;
    const take = async (round: Round, taken: Taken[]) => {
      await round(async (work) => {
        const [worked, start] = [await workedMs(), performance.now()];
        const result = await work();
        const wallMs = performance.now() - start;
        taken.push({ wallMs, processorMs: (await workedMs()) - worked });
        return result;
      });
    };
    for (let index = 0; index < rounds; index++) {
      if (index % 2 === 0) await take(ours, our);
      await take(theirs, their);
      if (index % 2 !== 0) await take(ours, our);
    }
    const wall = (taken: readonly Taken[]) => taken.map(({ wallMs }) => wallMs);
    const processor = (taken: readonly Taken[]) => median(taken.map((one) => one.processorMs));
    return {
      what,
      values: {
        ms: median(wall(our)),
        spread: spread(wall(our)),
        'peer ms': median(wall(their)),
        '× peer': median(wall(our)) / median(wall(their)),
        ...(meter && {
          'processor ms': processor(our),
          "peer's": processor(their),
          '× processor': processor(our) / processor(their),
        }),
        peer,
      },
    };
  };

export type Beside = ReturnType<typeof besideWith>;
