// Makes the template of an image: the engine boots a throw-away machine of it, and keeps its memory
// when it is ready. What the machine wrote becomes a layer. No user waits for it, so it waits for
// the work of users, and ends without a result when that needs its room.

import { failedForGood } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { cancelledReason } from '../../domain/image.ts';
import type { Job, JobKind } from '../../domain/job.ts';
import type { Template } from '../../domain/template.ts';
import { gbBytes } from '../../domain/units.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { newId } from '../../lib/new-id.ts';
import type { Writer } from '../../store/port/unit-of-work.ts';
import { defineJob, type JobContext, NotYet, named } from '../job.ts';
import { assertStands } from '../soundness.ts';
import { failTemplate } from '../template-plan.ts';
import { verifyChain } from '../verify.ts';

const kind = 'templateMake';
type Making = JobContext<typeof kind>;
const idOf = ({ data }: Job<typeof kind>) => named(data.templateId, kind, 'template');

/** It waits while there is such work, but no longer than `waitsMostMs` in all. */
const ofUsers: readonly JobKind[] = ['imageCapture', 'imageInstall', 'machineStart'];
const looksAtMost = 100;
const againMs = 5000;
const waitsMostMs = 30 * 60_000;

export const templateMake = defineJob({
  kind,
  attemptsMax: 3,

  async run(context) {
    const { job, engine, settings, call } = context;
    const template = await context.store.read('system', (work) => work.templates.find(idOf(job)));
    if (template?.state !== 'making') return async () => {};
    await assertTurn(context);
    const instant = requirePart(engine, 'instant');
    if ((await instant.fingerprint(call)) !== template.fingerprint)
      throw failedForGood('What runs the machines was upgraded since the template was asked for.');
    const { layerId, cpus, memoryMb, diskSizeGb } = template;
    await context.phase('verifying the layers', 0.1);
    await verifyChain(context, layerId);
    const resultLayerId = await context.begin('layer', newId<LayerId>());
    const { head, boot } = await context.store.read('system', async (work) => {
      const found = await work.layers.get(layerId);
      return { head: found, boot: await work.layers.bootOf(found) };
    });
    await context.phase('booting a machine of the image', 0.2);
    const sizeBytes = diskSizeGb * gbBytes;
    const timeoutMs = boot.boot.readyMs ?? settings.readyMs;
    const made = await instant.makeTemplate(
      {
        ...{ templateId: template.id, layerId, resultLayerId, sizeBytes, timeoutMs },
        ...{ cpus, memoryMb, ...boot },
      },
      call,
    );
    const { layer, ...files } = made;
    return async (work) => {
      await assertStands(work, layerId);
      await work.layers.add({
        id: resultLayerId,
        kind: 'template',
        parentId: layerId,
        baseLayerId: head.baseLayerId,
        key: null,
        state: 'sealed',
        jobId: null,
        organisationId: null,
        boot: null,
        ...layer,
      });
      const facts = { resultLayerId, reason: null, retryAt: null, failures: 0 };
      const at = { madeAt: work.now(), verifiedAt: work.now() };
      if (!(await work.templates.become(template.id, 'ready', { ...files, ...facts, ...at })))
        throw failedForGood('The template was removed while it was made.');
      context.log.info({ template: template.id, layer: layerId, cpus, memoryMb }, 'template made');
    };
  },

  async undo({ job, engine, begun, call }) {
    await engine.instant?.removeTemplate(idOf(job), call);
    const layerId = (await begun()).get('layer');
    if (layerId !== undefined) await engine.removeLayer(layerId as LayerId, call);
  },

  abandon: (work, job, reason) => abandon(work, job, reason),
});

/** Throws NotYet while users wait for builds or starts. */
async function assertTurn({ job, store, clock }: Making): Promise<void> {
  if (clock.now() - job.createdAt > waitsMostMs) return;
  const open = await store.read('system', (work) => work.jobs.open(looksAtMost));
  if (open.some((one) => ofUsers.includes(one.kind)))
    throw new NotYet('it waits for the work of users', againMs);
}

/** A cancelled one was in the way, or its image is gone; it has not failed. */
async function abandon(work: Writer, job: Job<typeof kind>, reason: string): Promise<void> {
  const template: Template | undefined = await work.templates.find(idOf(job));
  if (template?.state === 'making')
    await failTemplate(work, template, reason, { counts: reason !== cancelledReason });
}
