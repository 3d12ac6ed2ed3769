// Templates: makes one of a throw-away machine, finds it again, and removes it. Its record is
// written last, so files without a record are remains of an attempt that was killed, and nothing
// uses them.

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BootProfile, isUefi } from '../../domain/boot.ts';
import { AppError, failedForGood, failedForNow } from '../../domain/error.ts';
import type { LayerId, TemplateId } from '../../domain/ids.ts';
import { systemClock } from '../../lib/clock.ts';
import { exists, moveDurably, sha256File, statOrNull, writeWhole } from '../../lib/files.ts';
import type { Instant, TemplateDigests, TemplateFiles, TemplateSpec } from '../optional/instant.ts';
import { AgentError, agentExec, awaitAgent } from './agent.ts';
import { removeBuild } from './build.ts';
import { faultOf } from './clone-answer.ts';
import { CloneOrders, NoAnswer } from './clone-orders.ts';
import { settleScript } from './clone-script.ts';
import { makeImmutable, storedBytes } from './disk-file.ts';
import { fingerprintOf, layoutOf } from './fingerprint.ts';
import type { Host } from './host.ts';
import { saveMemory } from './memory-file.ts';
import type { Paths } from './paths.ts';
import { findProcess, type Own, wantedMs } from './process.ts';
import { withinRoom } from './room.ts';
import { saveState } from './saved-state.ts';
import { SharedMemory } from './shared-memory.ts';
import type { TemplateMemories } from './template-memory.ts';
import { startThrowaway, waitReady } from './throwaway.ts';

type Context = Own & { host: Host; memories: TemplateMemories };

const [settleMs, settleAgentMs] = [120_000, 30_000];
/** A guest may say that it is ready before its agent is, by minutes where the host is busy. */
const agentPatience = { limitMs: 300_000, pollMs: 500 };
/** The guest is at rest when it wants less than this share of a processor. Some never are. */
const [restMs, restShare, restTriesMax] = [100, 0.1, 50];
const mib = 1024 ** 2;

/** What a template fits, as its record says. */
interface TemplateRecord {
  resultLayerId: LayerId;
  fingerprint: string;
  /** The devices of its machine; see fingerprint.ts. */
  layout: string;
  sizeBytes: number;
  cpus: number;
  memoryMb: number;
}

export const readRecord = async (id: TemplateId, paths: Paths): Promise<TemplateRecord | null> =>
  (await exists(paths.template(id, 'record')))
    ? (JSON.parse(await readFile(paths.template(id, 'record'), 'utf8')) as TemplateRecord)
    : null;

export const templatesIn = (context: Context): Instant => ({
  fingerprint: async () => fingerprintOf(context.host, context.paths),
  makeTemplate: (spec, { signal }) => makeTemplate(spec, signal, context),
  async digestTemplate({ templateId, bytesPerSecond }, { signal }) {
    return digestsOf(templateId, context.paths, { bytesPerSecond, signal });
  },
  removeTemplate: (id) => removeTemplate(id, context),
  templates: () => list(context.paths),
});

async function makeTemplate(
  spec: TemplateSpec,
  signal: AbortSignal,
  context: Context,
): Promise<TemplateFiles> {
  const { templateId, resultLayerId, boot } = spec;
  const { paths } = context;
  const why = notFromMemory(boot);
  if (why !== null) throw cannot(why);
  const layer = paths.layer(resultLayerId);
  if ((await exists(paths.template(templateId, 'record'))) && (await exists(layer)))
    return filesOf(spec, await digestsOf(templateId, paths, { signal }), paths);
  // The layer of an attempt that was killed does not belong to the memory of this one.
  await removeTemplate(templateId, context);
  await rm(layer, { force: true });
  try {
    const limits = { bytesMax: Number.MAX_SAFE_INTEGER, signal };
    const digests = await withinRoom(paths.templates, limits, ({ signal: ended }) =>
      make(spec, ended, context),
    );
    return await filesOf(spec, digests, paths);
  } catch (error) {
    await removeTemplate(templateId, context);
    await rm(layer, { force: true });
    signal.throwIfAborted();
    throw error;
  } finally {
    await removeBuild(templateId, context);
  }
}

const cannot = (why: string) =>
  new AppError('invalid', `Machines of this image cannot start from memory: ${why}.`);

/**
 * Why no template is made for a profile, as the end of a sentence: the state of its firmware is
 * outside of the memory, and belongs to one machine.
 */
function notFromMemory(boot: BootProfile): string | null {
  if (boot.tpm) return 'they have a TPM, whose state is that of one machine alone';
  return isUefi(boot) ? 'they boot by UEFI, whose variables a template does not hold' : null;
}

async function make(
  spec: TemplateSpec,
  signal: AbortSignal,
  context: Context,
): Promise<TemplateDigests> {
  const { templateId, resultLayerId, timeoutMs, sizeBytes, cpus, memoryMb } = spec;
  const { paths } = context;
  const file = (part: 'memory' | 'state' | 'record') => paths.template(templateId, part);
  const memory = await SharedMemory.make(memoryMb * mib, { large: true });
  let copy: SharedMemory | null = null;
  try {
    const machine = await startThrowaway(
      { ...spec, id: templateId, memoryFd: memory.fd },
      signal,
      context,
    );
    await waitReady(machine, timeoutMs, signal, context);
    // The guest sees whether somebody is at the other end, and goes on as it stops in its clones.
    const orders = await CloneOrders.open(machine.orders);
    try {
      await settle(machine.agent, orders.listening, signal);
      await awaitRest(templateId, signal, context);
      await quieten(orders, signal);
      await saveState(machine, file('state'), signal, context);
    } finally {
      orders.close();
    }
    copy = await SharedMemory.make(memory.bytes);
    const saving = saveMemory(memory, file('memory'), copy, signal);
    const sealing = makeImmutable(machine.disk);
    await Promise.allSettled([saving, sealing]);
    const [memorySha256] = await Promise.all([saving, sealing]);
    await moveDurably(machine.disk, paths.layer(resultLayerId));
    const fingerprint = fingerprintOf(context.host, paths);
    const layout = layoutOf(spec, context.host, paths);
    const size = { sizeBytes, cpus, memoryMb };
    const record: TemplateRecord = { resultLayerId, fingerprint, layout, ...size };
    await writeWhole(file('record'), JSON.stringify(record), 0o600);
    const stateSha256 = await sha256File(file('state'), { signal });
    await context.memories.keep(templateId, memorySha256, copy);
    return { memorySha256, stateSha256 };
  } catch (error) {
    await copy?.close();
    throw error;
  } finally {
    await memory.close();
  }
}

/** Throws `invalid` for a guest whose clones could not become machines of their own. */
async function settle(agent: string, wake: Promise<void>, signal: AbortSignal): Promise<void> {
  if (!(await awaitAgent(agent, agentPatience, signal)))
    throw cannot('it has no guest agent; install qemu-guest-agent in it');
  const limits = { limitMs: settleMs, agentMs: settleAgentMs };
  const options = { ...limits, input: settleScript, wake, signal };
  const ended = await agentExec(agent, ['/bin/sh'], options).catch((error) => {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    if (error.why === 'not run') throw cannot('its guest agent runs no commands');
    throw failedForNow('A machine did not come to rest in time; the host may have too much to do.');
  });
  const fault = faultOf(ended);
  if (fault !== null) throw cannot(fault);
}

/** Waits until the guest has nothing to do, because each of its clones would do it again. */
async function awaitRest(id: TemplateId, signal: AbortSignal, own: Own): Promise<void> {
  const found = await findProcess(own, 'build', id);
  let before = found && (await wantedMs(found));
  for (let tries = 0; found && tries < restTriesMax; tries++) {
    await systemClock.sleep(restMs, signal);
    const after = await wantedMs(found);
    if (after - (before ?? 0) < restMs * restShare) return;
    before = after;
  }
}

/** Stops the journal. Throws when nothing waits for orders. */
async function quieten(orders: CloneOrders, signal: AbortSignal): Promise<void> {
  const { exitCode } = await orders.give('- - quiet', settleAgentMs, signal).catch((error) => {
    throw error instanceof NoAnswer
      ? failedForNow('A machine did not answer in time; the host may have too much to do.')
      : error;
  });
  if (exitCode !== 0) throw cannot(`its guest takes no orders (exit status ${exitCode})`);
}

async function digestsOf(
  id: TemplateId,
  paths: Paths,
  options: { bytesPerSecond?: number; signal: AbortSignal },
): Promise<TemplateDigests> {
  const take = async (part: 'memory' | 'state') => {
    try {
      return await sha256File(paths.template(id, part), options);
    } catch (error) {
      options.signal.throwIfAborted();
      throw failedForGood(`The ${part} of a template cannot be read.`, { detail: String(error) });
    }
  };
  return { stateSha256: await take('state'), memorySha256: await take('memory') };
}

const filesOf = async (
  { templateId, resultLayerId, sizeBytes }: TemplateSpec,
  digests: TemplateDigests,
  paths: Paths,
): Promise<TemplateFiles> => ({
  ...digests,
  layer: { virtualBytes: sizeBytes, storedBytes: await storedBytes(paths.layer(resultLayerId)) },
  stateBytes: await storedBytes(paths.template(templateId, 'state')),
  memoryBytes: await storedBytes(paths.template(templateId, 'memory')),
});

async function removeTemplate(id: TemplateId, context: Context): Promise<void> {
  await removeBuild(id, context);
  await context.memories.forget(id);
  for (const part of ['record', 'state', 'memory'] as const) {
    await rm(context.paths.template(id, part), { force: true });
    await rm(`${context.paths.template(id, part)}.part`, { force: true });
  }
}

async function list(paths: Paths): Promise<Map<TemplateId, number>> {
  const found = new Map<TemplateId, number>();
  for (const name of await readdir(paths.templates)) {
    const [, id] = /^([a-z0-9-]+)\.(?:memory|state|record)(?:\.part)?$/.exec(name) ?? [];
    const size = id === undefined ? null : await statOrNull(join(paths.templates, name));
    if (size === null) continue;
    const templateId = id as TemplateId;
    found.set(templateId, (found.get(templateId) ?? 0) + size.blocks * 512);
  }
  return found;
}
