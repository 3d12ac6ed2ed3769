// Decides which templates are made and which are removed, and writes it. The making is a job; the
// removal of the files is done by the collector.

import { type Account, accountRoomBytes, guestFits } from '../domain/account.ts';
import type { TemplateId } from '../domain/ids.ts';
import type { Job } from '../domain/job.ts';
import {
  planTemplates,
  type SizedTemplate,
  type Template,
  type TemplateFor,
  templateBytes,
  templateRetryMs,
} from '../domain/template.ts';
import { newId } from '../lib/new-id.ts';
import type { Reader, Writer } from '../store/port/unit-of-work.ts';
import type { Settings } from './context.ts';

/** So many wishes are looked at; those that more machines have come first. */
const wantedMax = 1000;

type Limits = Pick<Settings, 'templatePolicy' | 'templateBytesMax'>;

interface Leaving {
  template: Template;
  /** Why, as a sentence without its subject. */
  why: string;
}

interface TemplatePlan {
  make: TemplateFor | null;
  leave: Leaving[];
  /** Those whose job is gone, though they are being made. */
  lost: Template[];
  /** Those that stay and have files. */
  kept: Template[];
}

/** Looks at all templates; it may take long, so it runs outside of a transaction. */
export async function lookAtTemplates(
  work: Reader,
  fingerprint: string,
  { templatePolicy, templateBytesMax }: Limits,
): Promise<TemplatePlan> {
  const all = (await work.templates.list()).filter(({ state }) => state !== 'deleting');
  const jobs = await work.jobs.openOfKind('templateMake');
  const unwanted = new Set((await work.templates.unwanted()).map(({ id }) => id));
  const leave: Leaving[] = [];
  const stay: SizedTemplate[] = [];
  for (const template of all) {
    const why = unwanted.has(template.id)
      ? 'no image is left that it is for, or none for which templates are made'
      : await reasonToLeave(work, template, fingerprint);
    if (why === null) stay.push(template);
    else leave.push({ template, why });
  }
  const wanted = await work.templates.wanted(templatePolicy, wantedMax);
  const bytesMax = templateBytesMax;
  const { make, giveWay } = planTemplates({ templates: stay, wanted, bytesMax, now: work.now() });
  const why = 'it gave way, because templates may take no more bytes';
  leave.push(...giveWay.map((template) => ({ template, why })));
  const isMaking = ({ id }: Template) => jobs.some(({ data }) => data.templateId === id);
  const lost = stay.filter((one) => one.state === 'making' && !isMaking(one));
  const kept = stay.filter(({ state }) => state === 'ready');
  return { make: jobs.length > 0 ? null : make, leave, lost, kept };
}

async function reasonToLeave(
  work: Reader,
  template: Template,
  fingerprint: string,
): Promise<string | null> {
  if (template.fingerprint !== fingerprint) return 'what runs the machines was upgraded';
  if (template.state !== 'ready' || template.resultLayerId === null) return null;
  const layer = await work.layers.find(template.resultLayerId);
  const isSound = layer?.copies.some(({ state }) => state === 'sound');
  return isSound ? null : 'its layer is damaged';
}

/** Writes a plan, as far as it is still true. Returns those that leave. */
export async function carryOut(
  work: Writer,
  { make, leave, lost }: Omit<TemplatePlan, 'kept'>,
  fingerprint: string,
): Promise<Leaving[]> {
  const gone: Leaving[] = [];
  for (const one of leave) if (await dropTemplate(work, one.template.id, one.why)) gone.push(one);
  for (const one of lost) await failTemplate(work, one, 'its making was lost', { counts: false });
  if (make !== null) await askForTemplate(work, make, fingerprint);
  return gone;
}

/** Lets a template go, and ends its making. Returns false when it goes already. */
export async function dropTemplate(work: Writer, id: TemplateId, why: string): Promise<boolean> {
  if (!(await work.templates.become(id, 'deleting', { reason: why, retryAt: null }))) return false;
  const jobs = await work.jobs.openOfKind('templateMake');
  for (const job of jobs) if (job.data.templateId === id) await work.jobs.requestCancel(job.id);
  return true;
}

/** Notes that a template could not be made; it is tried again later. */
export async function failTemplate(
  work: Writer,
  { id, failures }: Template,
  reason: string,
  { counts }: { counts: boolean },
): Promise<void> {
  const now = failures + (counts ? 1 : 0);
  await work.templates.become(id, 'failed', {
    reason,
    failures: now,
    retryAt: work.now() + templateRetryMs(now),
  });
}

/**
 * Queues the making of a template, in a row of its own or in that of the attempt that failed. Does
 * nothing when there is one already, when the host has no room, or when another one is being made
 * and it is not asked for `beside` that one.
 */
export async function askForTemplate(
  work: Writer,
  what: TemplateFor,
  fingerprint: string,
  { beside = false } = {},
): Promise<'asked' | 'there' | 'busy' | 'full'> {
  const known = (await work.templates.of(what)).find((one) => one.fingerprint === fingerprint);
  if (known && known.state !== 'failed') return 'there';
  if (!beside && (await work.jobs.openOfKind('templateMake')).length > 0) return 'busy';
  const { layerId, cpus, memoryMb, diskSizeGb } = what;
  const organisationId = await work.layers.ownerOf(layerId);
  if (organisationId === undefined || !(await work.layers.find(layerId))) return 'there';
  const reservedBytes = templateBytes(memoryMb);
  const account = await work.account.host();
  if (account && !hasRoom(account, { reservedBytes, cpus, memoryMb })) return 'full';
  const id = known?.id ?? newId<TemplateId>();
  if (known) await work.templates.become(id, 'making', { retryAt: null });
  else await work.templates.add({ id, fingerprint, layerId, cpus, memoryMb, diskSizeGb });
  await work.jobs.enqueue([
    {
      kind: 'templateMake',
      organisationId,
      layerId,
      data: { templateId: id },
      reservedBytes,
      cpus,
      memoryMb,
    },
  ]);
  return 'asked';
}

const hasRoom = (
  account: Account,
  { reservedBytes, ...guest }: Pick<Job, 'reservedBytes' | 'cpus' | 'memoryMb'>,
): boolean => reservedBytes <= accountRoomBytes(account) && guestFits(account, guest);
