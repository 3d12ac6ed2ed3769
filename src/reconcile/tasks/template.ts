// Looks which templates of images are wanted, and asks for one at a time. It removes those that no
// image needs, that another version made, that are damaged or lost, or that give way to others.

import { withoutJob } from '../../engine/port/call.ts';
import type { Task } from '../task.ts';
import { carryOut, lookAtTemplates } from '../template-plan.ts';
import { verifyTemplate } from '../verify-template.ts';

export const template: Task = {
  everyMs: 10_000,
  scope: 'host',
  async run(context) {
    const { store, engine, settings, signal, log } = context;
    if (!engine.instant) return;
    const call = withoutJob(signal);
    const fingerprint = await engine.instant.fingerprint(call);
    const plan = await store.survey('system', (work) =>
      lookAtTemplates(work, fingerprint, settings),
    );
    const { make, lost, kept } = plan;
    // As after a backup was brought back.
    const has = kept.length > 0 ? await engine.instant.templates(call) : new Map();
    const missing = kept
      .filter(({ id }) => !has.has(id))
      .map((one) => ({ template: one, why: 'its files are missing on the disk of the host' }));
    const leave = [...plan.leave, ...missing];
    if (make !== null || leave.length > 0 || lost.length > 0) {
      const todo = { make, leave, lost };
      const gone = await store.write('system', (work) => carryOut(work, todo, fingerprint));
      for (const { template: one, why } of gone)
        log.info({ template: one.id, layer: one.layerId, why }, 'a template is removed');
    }
    const next = await store.read('system', (work) =>
      work.templates.nextToScrub(work.now() - settings.scrubEveryMs),
    );
    if (next) await verifyTemplate(context, next, settings.scrubBytesPerSecond, call);
  },
};
