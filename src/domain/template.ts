// A template of an image: the memory and state of a throw-away machine, from which machines start
// without booting. This file has its states, when it is made, and when it gives way.

import type { LayerId, TemplateId } from './ids.ts';

/**
 * For which images templates are made: `always` for all that a machine could start from,
 * `on-assignment` for those that are assigned to a machine.
 */
export const templatePolicies = ['always', 'on-assignment', 'never'] as const;
export type TemplatePolicy = (typeof templatePolicies)[number];

/** The policy that was given; null: as it is set one level above. */
export const givenPolicy = (given: TemplatePolicy | 'inherit'): TemplatePolicy | null =>
  given === 'inherit' ? null : given;

/** Whether a policy asks for templates, so that the engine must be able to make them. */
export const asksForTemplates = (policy: TemplatePolicy | null): boolean =>
  policy !== null && policy !== 'never';

/**
 * `making`: a job makes it. `ready`: machines can start from it. `failed`: it could not be made,
 * and is tried again at `retryAt`. `deleting`: no machine starts from it, and its files are being
 * removed.
 */
export const templateStates = ['making', 'ready', 'failed', 'deleting'] as const;
type TemplateState = (typeof templateStates)[number];

/** What a template is made for; a place has at most one that is not `deleting`. */
export interface TemplateFor {
  /** The head of the image's chain. */
  layerId: LayerId;
  cpus: number;
  memoryMb: number;
  diskSizeGb: number;
}

export interface Template extends TemplateFor {
  id: TemplateId;
  /** Where its files are, as of a layer copy. */
  place: string;
  /** Of the engine that made it; another one cannot load it. */
  fingerprint: string;
  state: TemplateState;
  /**
   * The layer of what its machine wrote, on which the disks of machines stand; null unless made.
   */
  resultLayerId: LayerId | null;
  /** Of its two files, on the disk of the host; 0 until they are made. */
  stateBytes: number;
  memoryBytes: number;
  /** Lower-case hex; null until they are made. */
  stateSha256: string | null;
  memorySha256: string | null;
  /** How often in a row it could not be made; of one that is ready, how often it was of no use. */
  failures: number;
  /** When it is tried again; null unless `failed`. */
  retryAt: number | null;
  /** Why it failed or is removed; null otherwise. */
  reason: string | null;
  createdAt: number;
  /** When it became ready. */
  madeAt: number | null;
  /** When a machine last started from it. */
  lastUsedAt: number | null;
  /** When its files last had their digests; null: they are read again soon. */
  verifiedAt: number | null;
  deletingAt: number | null;
}

const nextStates: Record<TemplateState, readonly TemplateState[]> = {
  making: ['ready', 'failed', 'deleting'],
  ready: ['deleting'],
  failed: ['making', 'deleting'],
  deleting: [],
};

export const templateMayBecome = (from: TemplateState, to: TemplateState): boolean =>
  nextStates[from].includes(to);

const minuteMs = 60_000;
const retryMostMs = 6 * 60 * minuteMs;

/** How long after so many failures in a row it is tried again. */
export const templateRetryMs = (failures: number): number =>
  Math.min(retryMostMs, minuteMs * 2 ** Math.max(0, Math.min(20, failures - 1)));

/** A template that was of no use so often in a row is made again. */
export const uselessMax = 3;

const writtenBytes = 256 * 1024 ** 2;

/** The most bytes that the making of one may write: its memory, and what its machine writes. */
export const templateBytes = (memoryMb: number): number => memoryMb * 1024 ** 2 + writtenBytes;

/** A template with the bytes of its files and of its layer. */
export type SizedTemplate = Template & { layerBytes: number };

export const bytesOfTemplate = ({ stateBytes, memoryBytes, layerBytes }: SizedTemplate): number =>
  stateBytes + memoryBytes + layerBytes;

/** When it was last of use. */
const lastUseOf = ({ lastUsedAt, madeAt, createdAt }: Template): number =>
  lastUsedAt ?? madeAt ?? createdAt;

/**
 * A template that was used within so long gives way to no other one, so that two do not take turns.
 */
const settledMs = 60 * minuteMs;

interface Wish {
  /** All that are not `deleting`. */
  templates: readonly SizedTemplate[];
  /** What templates are wanted for, the most wanted first. */
  wanted: readonly TemplateFor[];
  bytesMax: number;
  now: number;
}

const keyOf = ({ layerId, cpus, memoryMb, diskSizeGb }: TemplateFor) =>
  `${layerId} ${cpus} ${memoryMb} ${diskSizeGb}`;

/** Whether both are for the same machines of the same image. */
export const isSameTemplate = (one: TemplateFor, other: TemplateFor): boolean =>
  keyOf(one) === keyOf(other);

/**
 * Chooses which template to make next, and which give way: those beyond the limit, and those that
 * make room for the next one, the least recently used first. Nothing is made for which there is no
 * room. The templates all have the fingerprint of the engine.
 */
export function planTemplates({ templates, wanted, bytesMax, now }: Wish): {
  make: TemplateFor | null;
  giveWay: SizedTemplate[];
} {
  const known = new Map(templates.map((one) => [keyOf(one), one]));
  const isDue = ({ state, retryAt }: Template) => state === 'failed' && (retryAt ?? 0) <= now;
  const next =
    wanted.find((one) => {
      const template = known.get(keyOf(one));
      return template === undefined || isDue(template);
    }) ?? null;
  const idle = templates
    .filter(({ state }) => state === 'ready')
    .toSorted((one, other) => lastUseOf(one) - lastUseOf(other));
  let bytes = templates.reduce((sum, one) => sum + bytesOfTemplate(one), 0);
  const giveWay: SizedTemplate[] = [];
  const release = (limit: number, mayGo: (one: Template) => boolean) => {
    for (const one of idle.filter((each) => !giveWay.includes(each) && mayGo(each))) {
      if (bytes <= limit) return;
      giveWay.push(one);
      bytes -= bytesOfTemplate(one);
    }
  };
  /** Spares what need not go after all, because a later one was large enough. */
  const spare = (limit: number, from: number) => {
    for (const one of giveWay.slice(from).reverse()) {
      if (bytes + bytesOfTemplate(one) > limit) continue;
      giveWay.splice(giveWay.indexOf(one), 1);
      bytes += bytesOfTemplate(one);
    }
  };
  release(bytesMax, () => true);
  spare(bytesMax, 0);
  const needed = next === null ? 0 : templateBytes(next.memoryMb);
  if (next === null || needed > bytesMax) return { make: null, giveWay };
  const isWanted = new Set(wanted.map(keyOf));
  const before = giveWay.length;
  release(bytesMax - needed, (one) => !isWanted.has(keyOf(one)));
  release(bytesMax - needed, (one) => lastUseOf(one) < now - settledMs);
  if (bytes <= bytesMax - needed) {
    spare(bytesMax - needed, before);
    return { make: next, giveWay };
  }
  return { make: null, giveWay: giveWay.slice(0, before) };
}

/** Why a machine on a fresh disk booted, as the end of a sentence after "cold: ". */
export const coldReasons = {
  own_disk: 'it has its disk already',
  unsupported: 'this engine starts no machines from memory',
  never: 'no templates are made for its image',
  none: 'the image has no template yet',
  making: 'the image has no template yet (being made)',
  failed: 'the template of its image could not be made',
  tall: 'its image stands on too many layers',
  refused: 'its template was not used',
  retried: 'it did not get ready from memory',
} as const;

export type ColdReason = keyof typeof coldReasons;
