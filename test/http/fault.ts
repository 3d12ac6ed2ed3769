// An engine that fails.

import { failedForNow } from '../../src/domain/error.ts';

export type Fault = 'before' | 'after' | null;

const verbs = new Set<string | symbol>([
  'ensureDisk',
  'sealDisk',
  'removeDisk',
  'removeLayer',
  'buildLayer',
  'digest',
  'makeTemplate',
  'digestTemplate',
  'removeTemplate',
  'startMachine',
  'machineState',
  'stopMachine',
]);

/**
 * Wraps an engine, or a part of it, so that its verbs fail as `next` says: before they begin, or
 * after they have done all their work, without an answer.
 */
export function faulty<Part extends object>(
  part: Part,
  next: () => Fault,
  onFault: () => void,
): Part {
  return new Proxy(part, {
    get(target, name) {
      const verb = Reflect.get(target, name);
      if (typeof verb === 'object' && verb !== null) return faulty(verb, next, onFault);
      if (!verbs.has(name) || typeof verb !== 'function') return verb;
      return async (...args: unknown[]) => {
        const fault = next();
        if (fault !== null) onFault();
        if (fault === 'before') throw failedForNow('The engine failed before it began.');
        const result = await verb.apply(target, args);
        if (fault === 'after') throw failedForNow('The engine failed to answer.');
        return result;
      };
    },
  });
}
