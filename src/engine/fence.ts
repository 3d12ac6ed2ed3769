// The fence in front of the verbs of a host-bound engine: it refuses the calls of owners that are
// late.
//
// A job that does not renew its lease in time is claimed by another owner, while the first owner
// may still work and not know this. The store refuses the late owner's writes. The fence refuses
// its calls to the engine, because a late seal or stop would undo the work of the new owner.
//
// For each machine, disk, layer and job the fence remembers the newest token that it let through. A
// call with an older token for one of these is refused. A call with a newer token first ends the
// older calls that are still under way there, and waits for their end, so two owners are never at
// work on one thing. A refusal changes nothing, and may be tried again: an owner that is late
// learns from the store that its lease is gone, and leaves everything as it is.
//
// The memory is bounded: beyond `rememberedMax` things, the least recently used one is forgotten.
// It is empty when a server starts. That is correct, because one server alone owns a data
// directory, so the processes of all earlier owners are dead.

import { type AppError, failedForNow } from '../domain/error.ts';
import { diskFull, isFullDisk } from '../domain/host.ts';
import type { DiskId, LayerId, MachineId, TemplateId } from '../domain/ids.ts';
import type { Parts } from './optional/parts.ts';
import type { Call, Token } from './port/call.ts';
import type { Core, Engine } from './port/engine.ts';

const rememberedMax = 10_000;
/** A verb ends within seconds of its signal. */
const endMostMs = 30_000;

type Id = MachineId | DiskId | LayerId | TemplateId;

interface UnderWay {
  token: Token;
  keys: readonly string[];
  end: AbortController;
  ended: Promise<unknown>;
}

export const isOlder = (one: Token, other: Token): boolean =>
  one.jobId === other.jobId ? one.attempt < other.attempt : one.jobId < other.jobId;

export const late = ({ jobId, attempt }: Token, key: string): AppError =>
  failedForNow('Another attempt has taken over this work, and this one is too late for it.', {
    detail: `attempt ${attempt} of job ${jobId} came after a newer one for ${key}`,
  });

export class Fence {
  readonly #newest = new Map<string, Token>();
  readonly #underWay = new Set<UnderWay>();

  /** Runs a verb that changes these ids. Throws `unavailable` for a token that is late. */
  async pass<Result>(
    ids: readonly Id[],
    { signal, token }: Call,
    verb: (call: Call) => Promise<Result>,
  ): Promise<Result> {
    signal.throwIfAborted();
    if (token === null) return reasoned(verb, { signal, token });
    const keys = [`job ${token.jobId}`, ...ids.map(String)];
    this.#remember(keys, token);
    const older = [...this.#underWay].filter(
      (one) => isOlder(one.token, token) && one.keys.some((key) => keys.includes(key)),
    );
    for (const one of older) one.end.abort(late(one.token, keys.join(', ')));
    const end = new AbortController();
    const both = AbortSignal.any([signal, end.signal]);
    const run = async () => {
      await endOf(older);
      both.throwIfAborted();
      return reasoned(verb, { signal: both, token });
    };
    const running = run();
    const mine = { token, keys, end, ended: running.catch(() => {}) };
    this.#underWay.add(mine);
    return running.finally(() => this.#underWay.delete(mine));
  }

  /** Throws when the token is late for one of the keys, and remembers nothing then. */
  #remember(keys: readonly string[], token: Token): void {
    for (const key of keys) {
      const newest = this.#newest.get(key);
      if (newest && isOlder(token, newest)) throw late(token, key);
    }
    for (const key of keys) {
      this.#newest.delete(key);
      this.#newest.set(key, token);
    }
    for (const key of this.#newest.keys()) {
      if (this.#newest.size <= rememberedMax) return;
      this.#newest.delete(key);
    }
  }
}

/**
 * A verb that its signal ended rejects with the signal's reason, whatever it said itself, and one
 * that found no room on the disk with `no_capacity`.
 */
async function reasoned<Result>(
  verb: (call: Call) => Promise<Result>,
  call: Call,
): Promise<Result> {
  try {
    return await verb(call);
  } catch (error) {
    call.signal.throwIfAborted();
    throw isFullDisk(error) ? diskFull(String(error)) : error;
  }
}

async function endOf(older: readonly UnderWay[]): Promise<void> {
  if (older.length === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(failedForNow('An earlier attempt at this work has not ended yet.'));
    }, endMostMs);
  });
  try {
    await Promise.race([Promise.all(older.map(({ ended }) => ended)), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The engine behind a fence of its own. The table names, for each verb, the ids that it changes; a
 * verb that only reads names none, and is refused by its job alone. Each part that goes in comes
 * out, which the compiler cannot see.
 */
export function fenced<Has extends Partial<Parts>>(engine: Engine & Has): Engine & Has {
  const fence = new Fence();
  const at =
    <Subject, Result>(
      verb: (subject: Subject, call: Call) => Promise<Result>,
      idsOf: (subject: Subject) => readonly Id[] = () => [],
    ) =>
    (subject: Subject, call: Call): Promise<Result> =>
      fence.pass(idsOf(subject), call, (passed) => verb(subject, passed));
  const whole =
    <Result>(verb: (call: Call) => Promise<Result>) =>
    (call: Call): Promise<Result> =>
      fence.pass([], call, verb);
  const core: Core = {
    importBase: at(engine.importBase, ({ layerId }) => [layerId]),
    removeLayer: at(engine.removeLayer, (layerId) => [layerId]),
    ensureDisk: at(engine.ensureDisk, ({ diskId }) => [diskId]),
    sealDisk: at(engine.sealDisk, ({ diskId, layerId }) => [diskId, layerId]),
    unsealDisk: at(engine.unsealDisk, ({ diskId, layerId }) => [diskId, layerId]),
    removeDisk: at(engine.removeDisk, (diskId) => [diskId]),
    importFile: at(engine.importFile),
    buildLayer: at(engine.buildLayer, ({ layerId }) => [layerId]),
    startMachine: at(engine.startMachine, ({ machineId, diskId }) => [machineId, diskId]),
    machineState: at(engine.machineState),
    stopMachine: at(engine.stopMachine, ({ machineId }) => [machineId]),
    runningMachines: whole(engine.runningMachines),
    check: whole(engine.check),
    inventory: whole(engine.inventory),
    close: engine.close,
  };
  const { backup, bootCheck, compact, console, exec, hostBound, instant, network } = engine;
  const { packages, pause, places, screen, tpm, transfer, trial, verify, vitals } = engine;
  const parts: Partial<Parts> = {
    ...(backup && { backup: { copy: at(backup.copy) } }),
    ...(bootCheck && {
      bootCheck: {
        ...{ boards: whole(bootCheck.boards), settle: at(bootCheck.settle) },
        ...{ fault: at(bootCheck.fault), growthFault: at(bootCheck.growthFault) },
      },
    }),
    ...(compact && { compact: { rewrite: at(compact.rewrite, ({ layerId }) => [layerId]) } }),
    ...(console && {
      console: { read: at(console.read), ...(console.open && { open: at(console.open) }) },
    }),
    ...(exec && { exec: { run: at(exec.run, ({ machineId }) => [machineId]) } }),
    ...(hostBound && { hostBound: { ...hostBound, tidy: whole(hostBound.tidy) } }),
    ...(instant && {
      instant: {
        fingerprint: whole(instant.fingerprint),
        makeTemplate: at(instant.makeTemplate, (spec) => [spec.templateId, spec.resultLayerId]),
        digestTemplate: at(instant.digestTemplate),
        removeTemplate: at(instant.removeTemplate, (id) => [id]),
        templates: whole(instant.templates),
      },
    }),
    ...(network && {
      network: {
        everyMs: network.everyMs,
        lacks: network.lacks,
        care: at(network.care, ({ machineId }) => [machineId]),
        remains: whole(network.remains),
      },
    }),
    ...(packages && {
      packages: { list: at(packages.list), compareFiles: at(packages.compareFiles) },
    }),
    ...(pause && {
      pause: { paused: whole(pause.paused), resume: at(pause.resume, (id) => [id]) },
    }),
    ...(places && {
      places: { members: whole(places.members), ofDisks: whole(places.ofDisks) },
    }),
    ...(screen && { screen: { open: at(screen.open), picture: at(screen.picture) } }),
    ...(tpm && { tpm: { lost: whole(tpm.lost) } }),
    ...(transfer && {
      transfer: {
        ...{ assertTakes: transfer.assertTakes, exportLayer: at(transfer.exportLayer) },
        importLayer: at(transfer.importLayer, ({ layerId }) => [layerId]),
      },
    }),
    ...(trial && { trial: { bootOnce: at(trial.bootOnce, ({ trialId }) => [trialId]) } }),
    ...(verify && { verify: { digest: at(verify.digest) } }),
    ...(vitals && { vitals: { look: whole(vitals.look) } }),
  };
  return { name: engine.name, ...core, ...(parts as Has) };
}
