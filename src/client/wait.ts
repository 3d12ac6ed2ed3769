// Waits until long work has ended, and reports its progress meanwhile.

import type { Answer, Client } from './client.ts';
import { UnfinishedError } from './errors.ts';
import { mayPass, pause } from './retry.ts';
import type { Image, Machine } from './types.ts';

const pollMs = 500;
/** For how long a server may be away while its work is waited for. */
const awayMsMax = 60_000;
const defaultLimitMs = 3600_000;

export interface WaitOptions {
  /** After so long the last state is returned as it is. */
  limitMs: number;
  /** Called at each look; `share` says how much is done, and is empty while that is not known. */
  onProgress?: (phase: string, share: string) => void;
}

interface Polling<State> {
  limitMs: number;
  ask: () => Promise<State>;
  isOver: (state: State) => boolean;
  /** Reports each state that is not the last. */
  tell: (state: State) => void;
  signal?: AbortSignal | undefined;
  /** For how long questions may fail for reasons that pass. */
  awayMs?: number;
}

/** Asks until `isOver` or the limit. */
async function poll<State>(polling: Polling<State>): Promise<State> {
  const { limitMs, ask, isOver, tell, signal, awayMs = 0 } = polling;
  const end = Date.now() + limitMs;
  let heardAt = Date.now();
  while (true) {
    try {
      const state = await ask();
      heardAt = Date.now();
      if (isOver(state) || heardAt > end) return state;
      tell(state);
    } catch (error) {
      if (Date.now() - heardAt >= awayMs || !mayPass(error, true)) throw error;
    }
    await pause(pollMs, signal);
  }
}

/** Resolves to the image once it is available or failed. */
export const waitForImage = (
  client: Client,
  id: number,
  { limitMs, onProgress }: WaitOptions,
): Promise<Answer<'imageGet'>> =>
  poll({
    limitMs,
    ask: () => client.imageGet({ id }),
    isOver: ({ attributes: { status } }) => status === 'available' || status === 'failed',
    tell: ({ attributes: { status, phase, progress } }) =>
      onProgress?.(
        `image ${id}: ${status}, ${phase ?? 'waiting'}`,
        progress > 0 ? `${Math.round(progress * 100)} %` : '',
      ),
  });

/** Resolves to the machine once it is off or ready. */
export const waitForMachine = (
  client: Client,
  id: number,
  { limitMs, onProgress }: WaitOptions,
): Promise<Answer<'machineGet'>> =>
  poll({
    limitMs,
    ask: () => client.machineGet({ id }),
    isOver: ({ attributes: { friendly_status: status } }) => status === 'off' || status === 'ready',
    tell: ({ attributes: { friendly_status: status, phase } }) =>
      onProgress?.(`machine ${id}: ${status}${phase === null ? '' : `, ${phase}`}`, ''),
  });

/** An image or a machine, as any operation answers it. */
export interface Waited<Type> {
  type: Type;
  attributes: { id: number };
}

export interface DoneOptions<Resource> {
  /** Ends the wait, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** After so long UnfinishedError is thrown. Default: one hour. */
  limitMs?: number | undefined;
  /** Called with each state before the last. */
  onProgress?(resource: Resource): void;
}

/** Resolves to the image once it is available. Throws UnfinishedError when it failed. */
export async function doneImage(
  client: Pick<Client, 'imageGet'>,
  { id }: { id: number },
  options: DoneOptions<Image> = {},
): Promise<Image> {
  const { signal, limitMs = defaultLimitMs } = options;
  const image = await poll({
    ...{ limitMs, signal, awayMs: awayMsMax },
    ask: () => client.imageGet({ id }, { signal }),
    isOver: ({ attributes: { status } }) => status === 'available' || status === 'failed',
    tell: (state) => options.onProgress?.(state),
  });
  const { status, status_reason: reason } = image.attributes;
  return settled(image, `Image ${id}`, {
    status,
    reason,
    limitMs,
    good: ['available'],
    bad: 'failed',
  });
}

/** What a machine may be waited for; without it, for either. */
export type MachineGoal = 'ready' | 'off';

/**
 * Resolves to the machine once it is at rest: ready or off. Throws UnfinishedError when it rests in
 * the other state than the goal, such as off after a start that failed.
 */
export async function doneMachine(
  client: Pick<Client, 'machineGet'>,
  { id }: { id: number },
  options: DoneOptions<Machine> & { until?: MachineGoal | undefined } = {},
): Promise<Machine> {
  const { signal, limitMs = defaultLimitMs, until } = options;
  const machine = await poll({
    ...{ limitMs, signal, awayMs: awayMsMax },
    ask: () => client.machineGet({ id }, { signal }),
    isOver: ({ attributes: { friendly_status: status } }) => status === 'off' || status === 'ready',
    tell: (state) => options.onProgress?.(state),
  });
  const { friendly_status: status, status_reason: reason } = machine.attributes;
  const good = until === undefined ? ['ready', 'off'] : [until];
  const bad = until === 'off' ? 'ready' : 'off';
  return settled(machine, `Machine ${id}`, { status, reason, limitMs, good, bad });
}

interface Settling {
  status: string;
  /** Missing where the server has no extensions. */
  reason: string | null | undefined;
  limitMs: number;
  good: readonly string[];
  bad: string;
}

function settled<Resource>(
  resource: Resource,
  name: string,
  { status, reason, limitMs, good, bad }: Settling,
): Resource {
  if (good.includes(status)) return resource;
  const why = reason ? `: ${reason}` : '.';
  throw status === bad
    ? new UnfinishedError('failed', `${name} is ${status}${why}`, resource)
    : new UnfinishedError(
        'late',
        `${name} is still ${status} after ${limitMs / 1000} s.`,
        resource,
      );
}
