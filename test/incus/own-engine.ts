// An engine with a project of its own on a real Incus, and the container base in it.

import { randomBytes } from 'node:crypto';
import type { LayerId } from '../../src/domain/ids.ts';
import { openIncus } from '../../src/engine/incus/engine.ts';
import { fileContent } from '../../src/lib/content.ts';
import { newId } from '../../src/lib/new-id.ts';
import { call } from '../call.ts';
import { defer, type Scope } from '../support.ts';
import { containerBase, type IncusMember } from './member.ts';

const ownProject = 'ours';

/** `profile` gives machines their network cards; null: they have none. */
export async function ownEngine(
  t: Scope,
  { socketPath }: IncusMember,
  profile: string | null = null,
) {
  const engine = await openIncus({
    address: { urls: [`unix:${socketPath}`] },
    installation: randomBytes(12).toString('hex'),
    project: ownProject,
    pool: null,
    profile,
  });
  defer(t, () => engine.close());
  const base = newId<LayerId>();
  await engine.importBase({ layerId: base, disk: await fileContent(await containerBase()) }, call);
  return { engine, base };
}
