// Looks which templates of images are wanted, and asks for one at a time. It removes those that no
// image needs, that another version made, that are damaged or lost, or that give way to others.

import { withoutJob } from '../../engine/port/call.ts';
import type { Task, TaskContext } from '../task.ts';
import { carryOut, dropTemplate, lookAtTemplates } from '../template-plan.ts';
import { verifyTemplate } from '../verify-template.ts';

export const template: Task = {
  everyMs: 10_000,
  scope: 'host',
  async run(context) {
    const { store, engine, settings, signal, log } = context;
    if (!engine.instant) return;
    const call = withoutJob(signal);
    const fingerprint = await engine.instant.fingerprint(call);
    await dropMissing(context);
    const plan = await store.survey('system', (work) =>
      lookAtTemplates(work, fingerprint, settings),
    );
    const { make, leave, lost } = plan;
    if (make !== null || leave.length > 0 || lost.length > 0) {
      const gone = await store.write('system', (work) => carryOut(work, plan, fingerprint));
      for (const { template: one, why } of gone)
        log.info({ template: one.id, layer: one.layerId, why }, 'a template is removed');
    }
    const next = await store.read('system', (work) =>
      work.templates.nextToScrub(work.now() - settings.scrubEveryMs),
    );
    if (next) await verifyTemplate(context, next, settings.scrubBytesPerSecond, call);
  },
};

/** Lets those go whose files are not there, as after a backup was brought back. */
async function dropMissing({ store, engine, signal, log }: TaskContext): Promise<void> {
  if (!engine.instant) return;
  const ready = (await store.read('system', (work) => work.templates.list())).filter(
    ({ state }) => state === 'ready',
  );
  if (ready.length === 0) return;
  const has = await engine.instant.templates(withoutJob(signal));
  for (const { id, layerId } of ready.filter((one) => !has.has(one.id))) {
    const why = 'its files are missing on the disk of the host';
    if (await store.write('system', (work) => dropTemplate(work, id, why)))
      log.error({ template: id, layer: layerId }, `a template is removed: ${why}`);
  }
}
