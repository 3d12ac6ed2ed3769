// Waits until long work has ended, and reports its progress meanwhile.

import type { Answer, Client } from './client.ts';
import { UnfinishedError } from './errors.ts';
import { mayPass, pause } from './retry.ts';
import type { Image, Machine, Transfer } from './types.ts';

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

/** An image, a machine or a transfer, as any operation answers it. */
export interface Waited<Type, Id = number> {
  type: Type;
  attributes: { id: Id };
}

export interface DoneOptions<Resource> {
  /** Ends the wait, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** After so long UnfinishedError is thrown. Default: one hour. */
  limitMs?: number | undefined;
  /** Called with each state before the last. */
  onProgress?(resource: Resource): void;
}

interface Goal<Resource> {
  name: string;
  ask: (options: { signal?: AbortSignal | undefined }) => Promise<Resource>;
  /** `reason` is missing where the server has no extensions. */
  look: (resource: Resource) => { status: string; reason?: string | null };
  /** The states in which it rests, and those of them that are good. */
  rests: readonly string[];
  good: readonly string[];
}

async function done<Resource>(goal: Goal<Resource>, options: DoneOptions<Resource>) {
  const { name, ask, look, rests, good } = goal;
  const { signal, limitMs = defaultLimitMs } = options;
  const last = await poll({
    ...{ limitMs, signal, awayMs: awayMsMax },
    ask: () => ask({ signal }),
    isOver: (resource) => rests.includes(look(resource).status),
    tell: (resource) => options.onProgress?.(resource),
  });
  const { status, reason } = look(last);
  if (good.includes(status)) return last;
  throw rests.includes(status)
    ? new UnfinishedError('failed', `${name} is ${status}${reason ? `: ${reason}` : '.'}`, last)
    : new UnfinishedError('late', `${name} is still ${status} after ${limitMs / 1000} s.`, last);
}

/** Resolves to the image once it is available. Throws UnfinishedError when it failed. */
export const doneImage = (
  client: Pick<Client, 'imageGet'>,
  id: number,
  options: DoneOptions<Image>,
): Promise<Image> =>
  done(
    {
      name: `Image ${id}`,
      ask: (call) => client.imageGet({ id }, call),
      look: ({ attributes: { status, status_reason: reason } }) => ({ status, reason }),
      rests: ['available', 'failed'],
      good: ['available'],
    },
    options,
  );

/** Resolves to the transfer once its file can be downloaded, or its image is there. */
export const doneTransfer = (
  client: Pick<Client, 'transferGet'>,
  id: string,
  options: DoneOptions<Transfer>,
): Promise<Transfer> =>
  done(
    {
      name: `Transfer ${id}`,
      ask: (call) => client.transferGet({ id }, call),
      look: ({ attributes: { status, status_reason: reason } }) => ({ status, reason }),
      rests: ['available', 'failed'],
      good: ['available'],
    },
    options,
  );

export interface MachineDoneOptions<AMachine> extends DoneOptions<AMachine> {
  /** The state in which it is to rest. Default: either. */
  until?: 'ready' | 'off' | undefined;
}

/**
 * Resolves to the machine once it is at rest: ready or off. Throws UnfinishedError when it rests in
 * the other state than `until`, such as off after a start that failed.
 */
export const doneMachine = (
  client: Pick<Client, 'machineGet'>,
  id: number,
  options: MachineDoneOptions<Machine>,
): Promise<Machine> =>
  done(
    {
      name: `Machine ${id}`,
      ask: (call) => client.machineGet({ id }, call),
      look: ({ attributes: { friendly_status: status, status_reason: reason } }) => ({
        status,
        reason,
      }),
      rests: ['ready', 'off'],
      good: options.until === undefined ? ['ready', 'off'] : [options.until],
    },
    options,
  );
