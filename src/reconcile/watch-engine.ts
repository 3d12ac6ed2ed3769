// Measures each call that a job or a task makes of the engine. An engine itself measures nothing, so
// that all engines are measured alike.

import type { Meter } from './context.ts';

/** The same engine, or a part of it, whose verbs are measured when their promises settle. */
export const watchEngine = <Part extends object>(
  part: Part,
  meter: Pick<Meter, 'verbEnded'>,
): Part =>
  new Proxy(part, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member === 'object' && member !== null) return watchEngine(member, meter);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) => {
        const begun = performance.now();
        const result: unknown = member.apply(target, given);
        if (!(result instanceof Promise)) return result;
        const end = (hasFailed: boolean) =>
          meter.verbEnded(String(name), performance.now() - begun, hasFailed);
        result.then(
          () => end(false),
          () => end(true),
        );
        return result;
      };
    },
  });
