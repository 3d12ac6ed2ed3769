// The template from which a machine starts: which one it is, and what is noted about its use.

import { guestFits } from '../domain/account.ts';
import { reasonOf } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import { chainHeightMax, isUsable } from '../domain/layer.ts';
import type { Machine } from '../domain/machine.ts';
import {
  type ColdReason,
  coldReasons,
  type Template,
  type TemplatePolicy,
  uselessMax,
} from '../domain/template.ts';
import type { UsableTemplate } from '../engine/optional/instant.ts';
import type { Engine } from '../engine/port/engine.ts';
import type { Started } from '../engine/port/machines.ts';
import type { Reader, Store, Writer } from '../store/port/unit-of-work.ts';
import { dropTemplate } from './template-plan.ts';

/** A start without a template, and why. */
export interface Cold {
  reason: ColdReason;
  /** As the end of a sentence. */
  because: string;
}

const cold = (reason: ColdReason, more = ''): Cold => ({
  reason,
  because: coldReasons[reason] + more,
});

/** A reason without its full stop, as the end of a sentence. */
const endOf = (reason: string): string => reason.replace(/\.$/, '');

export type Choice = { template: Template; layerId: LayerId } | Cold;

interface Wanted {
  machine: Machine;
  /** The head of the chain of its image. */
  head: LayerId;
  /** Of the engine; null when it starts no machines from memory. */
  fingerprint: string | null;
  usual: TemplatePolicy;
}

/** The layers above the disk's chain that a capture and its generalisation add. */
const captureLayers = 2;

/** A use is written down so seldom, because all starts from a template would change its row. */
const usedEveryMs = 60_000;

/** Chooses the template for a fresh disk, which then stands on the layer of the template. */
export async function chooseTemplate(
  work: Writer,
  { machine, head, fingerprint, usual }: Wanted,
): Promise<Choice> {
  if (fingerprint === null) return cold('unsupported');
  const { organisationId, assignedImageId, cpus, memoryMb, diskSizeGb } = machine;
  // What is set for the installation says what is made by itself; one that was asked for is used.
  const policy = await work.templates.policyFor(organisationId, assignedImageId, 'on-assignment');
  if (policy === 'never') return cold('never');
  const all = await work.templates.of({ layerId: head, cpus, memoryMb, diskSizeGb });
  const template = all.find((one) => one.fingerprint === fingerprint);
  if (template === undefined) {
    if (usual === 'never') return cold('never');
    return assignedImageId === null
      ? { reason: 'none', because: 'it has no image, and its base has no template' }
      : cold('none');
  }
  if (template.state === 'making') return cold('making');
  if (template.state === 'failed')
    return cold('failed', `: ${endOf(template.reason ?? 'unknown')}`);
  const { id, resultLayerId, lastUsedAt } = template;
  const chain = resultLayerId === null ? [] : await work.layers.chain(resultLayerId);
  if (resultLayerId === null || !chain.every(isUsable))
    return { reason: 'refused', because: 'the layer of its template is damaged' };
  if (chain.length + captureLayers > chainHeightMax) return cold('tall');
  if ((lastUsedAt ?? 0) < work.now() - usedEveryMs)
    await work.templates.update(id, { lastUsedAt: work.now() });
  return { template, layerId: resultLayerId };
}

/** The choice of an attempt that goes on with the disk of an earlier one. */
export async function chosenBefore(
  work: Reader,
  layerId: LayerId,
  { fingerprint, failure }: { fingerprint: string | null; failure: string | undefined },
): Promise<Choice> {
  if (failure !== undefined) return cold('retried', `: ${endOf(failure)}`);
  const template = await work.templates.ofResult(layerId);
  if (template === undefined) return cold('none');
  if (template.fingerprint === fingerprint) return { template, layerId };
  return { reason: 'refused', because: 'what runs the machines was upgraded' };
}

/** What the engine needs to know of it; undefined for a start without one. */
export function usableOf(choice: Choice): UsableTemplate | undefined {
  if (!('template' in choice)) return undefined;
  const { id: templateId, cpus, memoryMb, stateSha256, memorySha256 } = choice.template;
  if (stateSha256 === null || memorySha256 === null) return undefined;
  return { templateId, cpus, memoryMb, stateSha256, memorySha256 };
}

/** How the machine was started; null: from memory. */
export function coldOf(choice: Choice, started: Started): Cold | null {
  if (started.how === 'instant') return null;
  if (!('template' in choice)) return choice;
  return {
    reason: 'refused',
    because: started.because ?? 'the server ended while the machine was started',
  };
}

/**
 * Notes whether a template was of use. One that was not is read again soon, and after some times in
 * a row it is removed, to be made again.
 */
export async function noteUse(
  store: Store,
  choice: Choice,
  isOfUse: boolean,
  why = '',
): Promise<void> {
  if (!('template' in choice)) return;
  const { id, failures } = choice.template;
  if (isOfUse && failures === 0) return;
  await store.write('system', async (work) => {
    const now = await work.templates.find(id);
    if (now?.state !== 'ready') return;
    if (isOfUse) return work.templates.update(id, { failures: 0 });
    if (now.failures + 1 >= uselessMax)
      return void (await dropTemplate(work, id, `no machine could start from it: ${why}`));
    await work.templates.update(id, { failures: now.failures + 1, verifiedAt: null });
  });
}

/** Cancels the making of templates when what machines and builds hold is more than there is. */
export async function makeRoom(store: Store, { instant }: Engine): Promise<void> {
  if (!instant) return;
  const account = await store.read('system', (work) => work.account.host({ guestsOnly: true }));
  if (!account || account.yielding.memoryMb === 0) return;
  if (guestFits(account, { memoryMb: 0, cpus: 0 })) return;
  await store.write('system', async (work) => {
    for (const { id } of await work.jobs.openOfKind('templateMake'))
      await work.jobs.requestCancel(id);
  });
}

/** The error as the reason for which the next attempt boots. */
export const failureOf = (error: unknown): string => reasonOf(error).split('\n', 1)[0] ?? '';
