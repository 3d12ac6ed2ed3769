// Waits until a long piece of work has come to rest, telling its progress.

import type { Answer } from '../contract/table.ts';
import type { Client } from './client.ts';

const pollMs = 500;

export interface WaitOptions {
  /** ms; at the limit the last state is returned as it is. */
  limitMs: number;
  /** Told at each look; `share` says how much is done, and is empty while that is not known. */
  onProgress?: (phase: string, share: string) => void;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, pollMs));

/** Resolves to the image once it is available or failed. */
export async function waitForImage(
  client: Client,
  id: number,
  { limitMs, onProgress }: WaitOptions,
): Promise<Answer<'imageGet'>> {
  const end = Date.now() + limitMs;
  while (true) {
    const image = await client.imageGet({ id });
    const { status, phase, progress } = image.attributes;
    if (status === 'available' || status === 'failed' || Date.now() > end) return image;
    onProgress?.(
      `image ${id}: ${status}, ${phase ?? 'waiting'}`,
      progress > 0 ? `${Math.round(progress * 100)} %` : '',
    );
    await pause();
  }
}

/** Resolves to the machine once it is off or ready. */
export async function waitForMachine(
  client: Client,
  id: number,
  { limitMs, onProgress }: WaitOptions,
): Promise<Answer<'machineGet'>> {
  const end = Date.now() + limitMs;
  while (true) {
    const machine = await client.machineGet({ id });
    const { friendly_status: status, phase } = machine.attributes;
    if (status === 'off' || status === 'ready' || Date.now() > end) return machine;
    onProgress?.(`machine ${id}: ${status}${phase === null ? '' : `, ${phase}`}`, '');
    await pause();
  }
}
