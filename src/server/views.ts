// Connects the screens and consoles that requests look at with the engine of this server.

import type { Duplex } from 'node:stream';
import { type ViewKind, type Views, viewKinds } from '../app/view.ts';
import { failedForNow } from '../domain/error.ts';
import { requirePart } from '../engine/optional/parts.ts';
import { withoutJob } from '../engine/port/call.ts';
import type { Engine } from '../engine/port/engine.ts';

/** How long an engine may take to open something or to make a picture. */
const limitMs = 20_000;

/** `engine` returns null while another server works the engine. */
export function viewsOf(engine: () => Engine | null): Views {
  const here = (): Engine => {
    const found = engine();
    if (found !== null) return found;
    throw failedForNow(
      'Another server has this machine. Send the request again, since a balancer may pass it to that one; an operator lets all requests of screens and consoles go to it (docs/guide/screen.md).',
    );
  };
  const call = () => withoutJob(AbortSignal.timeout(limitMs));
  return {
    kinds() {
      const found = engine();
      return found === null ? viewKinds : viewKinds.filter((kind) => found[kind] !== undefined);
    },
    async open(kind: ViewKind, machineId): Promise<Duplex> {
      return requirePart(here(), kind).open(machineId, call());
    },
    async picture(machineId) {
      return requirePart(here(), 'screen').picture(machineId, call());
    },
  };
}
