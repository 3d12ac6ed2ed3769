// Waits until long work has ended, and reports its progress meanwhile.

import type { Answer } from '../contract/table.ts';
import type { Client } from './client.ts';

const pollMs = 500;

export interface WaitOptions {
  /** After so long the last state is returned as it is. */
  limitMs: number;
  /** Called at each look; `share` says how much is done, and is empty while that is not known. */
  onProgress?: (phase: string, share: string) => void;
}

/** Asks until `isOver` or the limit; `tell` reports each state that is not the last. */
async function poll<State>(
  limitMs: number,
  ask: () => Promise<State>,
  isOver: (state: State) => boolean,
  tell: (state: State) => void,
): Promise<State> {
  const end = Date.now() + limitMs;
  while (true) {
    const state = await ask();
    if (isOver(state) || Date.now() > end) return state;
    tell(state);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Resolves to the image once it is available or failed. */
export const waitForImage = (
  client: Client,
  id: number,
  { limitMs, onProgress }: WaitOptions,
): Promise<Answer<'imageGet'>> =>
  poll(
    limitMs,
    () => client.imageGet({ id }),
    ({ attributes: { status } }) => status === 'available' || status === 'failed',
    ({ attributes: { status, phase, progress } }) =>
      onProgress?.(
        `image ${id}: ${status}, ${phase ?? 'waiting'}`,
        progress > 0 ? `${Math.round(progress * 100)} %` : '',
      ),
  );

/** Resolves to the machine once it is off or ready. */
export const waitForMachine = (
  client: Client,
  id: number,
  { limitMs, onProgress }: WaitOptions,
): Promise<Answer<'machineGet'>> =>
  poll(
    limitMs,
    () => client.machineGet({ id }),
    ({ attributes: { friendly_status: status } }) => status === 'off' || status === 'ready',
    ({ attributes: { friendly_status: status, phase } }) =>
      onProgress?.(`machine ${id}: ${status}${phase === null ? '' : `, ${phase}`}`, ''),
  );
