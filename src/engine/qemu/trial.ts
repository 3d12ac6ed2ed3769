// Starts a machine on a layer once, without a network, and throws its disk away.

import type { TrialSpec } from '../optional/trial.ts';
import { removeBuild } from './build.ts';
import type { Host } from './host.ts';
import type { Own } from './process.ts';
import { startThrowaway, waitReady } from './throwaway.ts';

const size = { cpus: 1, memoryMb: 1024 };

export async function bootOnce(
  { trialId, timeoutMs, ...spec }: TrialSpec,
  signal: AbortSignal,
  context: Own & { host: Host },
): Promise<void> {
  await removeBuild(trialId, context);
  try {
    const machine = await startThrowaway({ ...spec, id: trialId, ...size }, signal, context);
    await waitReady(machine, timeoutMs, signal, context);
  } finally {
    await removeBuild(trialId, context);
  }
}
