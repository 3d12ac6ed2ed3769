// Compares the files of a template with their digests. A damaged template is removed, and made
// again when it is wanted; no machine is hurt, because each start compares too.

import { AppError } from '../domain/error.ts';
import type { Template } from '../domain/template.ts';
import type { Call } from '../engine/port/call.ts';
import type { Dependencies } from './context.ts';
import { dropTemplate } from './template-plan.ts';

/** Returns whether the files have their digests. */
export async function verifyTemplate(
  { store, engine, log }: Pick<Dependencies, 'store' | 'engine' | 'log'>,
  template: Template,
  bytesPerSecond: number,
  call: Call,
): Promise<boolean> {
  if (!engine.instant) return true;
  const { id: templateId, layerId } = template;
  let fault: string | null = null;
  try {
    const now = await engine.instant.digestTemplate({ templateId, bytesPerSecond }, call);
    if (now.stateSha256 !== template.stateSha256) fault = 'its state is damaged';
    else if (now.memorySha256 !== template.memorySha256) fault = 'its memory is damaged';
  } catch (error) {
    call.signal.throwIfAborted();
    // An error that may pass says nothing about the files.
    if (!(error instanceof AppError) || error.retry === 'later') throw error;
    fault = 'its files cannot be read on the disk of the host';
  }
  const why = fault;
  const isDropped = await store.write('system', async (work) => {
    if (why !== null) return dropTemplate(work, templateId, why);
    await work.templates.update(templateId, { verifiedAt: work.now() });
    return false;
  });
  if (isDropped)
    log.error({ template: templateId, layer: layerId }, `a template is removed: ${why}`);
  return why === null;
}
