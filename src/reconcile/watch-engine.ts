// Measures and traces each call that a job or a task makes of the engine. An engine itself does
// neither, so that all engines are watched alike.

import { AppError } from '../domain/error.ts';
import type { Attributes, Tracer } from '../lib/trace.ts';
import type { Meter } from './context.ts';

interface Watchers {
  meter: Pick<Meter, 'verbEnded'>;
  /** With the span of the job, calls are traced below it. */
  tracer?: Tracer;
  parent?: string | undefined;
}

/** Jobs ask for this again and again while they wait, so it has no spans. */
const polled = 'machineState';

const ids = ['layerId', 'parentId', 'diskId', 'machineId', 'templateId'] as const;

/** The ids in the subject of a call; its names and texts stay here. */
function attributesOf(subject: unknown): Attributes {
  if (typeof subject !== 'object' || subject === null) return {};
  const found = new Map<string, unknown>(Object.entries(subject));
  return Object.fromEntries(
    ids.flatMap((name) => {
      const id = found.get(name);
      const isId = typeof id === 'string' || typeof id === 'number';
      return isId ? [[`silversmith.${name.slice(0, -2)}.id`, id]] : [];
    }),
  );
}

/** The same engine, or a part of it, whose verbs are watched until their promises settle. */
export const watchEngine = <Part extends object>(part: Part, watchers: Watchers): Part =>
  new Proxy(part, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member === 'object' && member !== null) return watchEngine(member, watchers);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) => {
        const end = begin(String(name), given[0], watchers);
        const result: unknown = member.apply(target, given);
        if (result instanceof Promise)
          result.then(
            () => end(undefined),
            (error) => end(error instanceof AppError ? error.code : 'unforeseen'),
          );
        return result;
      };
    },
  });

function begin(verb: string, subject: unknown, { meter, tracer, parent }: Watchers) {
  const begun = performance.now();
  const span =
    parent === undefined || verb === polled
      ? null
      : tracer?.begin({ name: verb, kind: 'client', parent, attributes: attributesOf(subject) });
  return (error: string | undefined) => {
    meter.verbEnded(verb, performance.now() - begun, error !== undefined);
    span?.end({}, error);
  };
}
