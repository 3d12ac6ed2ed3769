// The doctor compares the store with the engine, and explains each difference and its cure. It
// changes nothing. Running work can look wrong for a moment, so a finding counts only when a second
// look, a little later, has it too.

import { isUsable, type Layer } from '../domain/layer.ts';
import { withoutJob } from '../engine/port/call.ts';
import type { Engine } from '../engine/port/engine.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { Dependencies } from './context.ts';
import {
  accountFindings,
  deletingFindings,
  diskFindings,
  type Finding,
  jobFindings,
  layerFindings,
  layerSizeFindings,
  machineFindings,
  networkFindings,
  orphanFindings,
  roomFindings,
  softwareFindings,
  strayFindings,
  waitingFindings,
} from './findings.ts';
import { tpmFindings } from './lost-tpm.ts';
import { templateFindings } from './template-findings.ts';

const againMs = 1000;
const jobsMax = 10_000;

const call = withoutJob();

type Examined = Pick<Dependencies, 'store' | 'engine' | 'clock'>;

/** Returns the findings that exist now and still exist `againMs` later. */
export async function examine(context: Examined): Promise<Finding[]> {
  const first = await examineOnce(context);
  if (first.length === 0) return [];
  await context.clock.sleep(againMs);
  const text = ({ subject, found }: Finding) => `${subject} ${found}`;
  const again = new Set((await examineOnce(context)).map(text));
  return first.filter((finding) => again.has(text(finding)));
}

const readAll = (store: Store) =>
  store.read('system', async (work) => ({
    layers: await work.layers.list(),
    disks: await work.disks.list(),
    diskIds: new Set<string>(await work.disks.ids()),
    machines: await work.machines.all(),
    jobs: await work.jobs.open(jobsMax),
    begun: await work.jobs.begun(),
    software: await work.software.list(),
    deletingInUse: await work.layers.deletingInUse(),
    templates: await work.templates.list(),
    waiting: (await work.host.removalState()).waiting,
    kept: await work.account.kinds(),
    recounted: await work.account.recounted(),
  }));

async function examineOnce({ store, engine, clock }: Examined): Promise<Finding[]> {
  const known = await readAll(store);
  const has = await engine.inventory(call);
  const running = await engine.runningMachines(call);
  const kept = (await engine.instant?.templates(call)) ?? new Map();
  // The file of such a layer may be missing for as long as its job is open.
  const begun = new Set([
    ...known.begun.map(({ id }) => id),
    ...known.jobs.flatMap(({ layerId }) => layerId ?? []),
  ]);
  const busy = new Set(known.jobs.map(({ machineId }) => machineId));
  const idle = known.machines.filter(({ id }) => !busy.has(id));
  return [
    ...layerFindings(known.layers, has, begun),
    ...(await bootFindings(
      known.layers.filter((layer) => isUsableRoot(layer) && has.layers.has(layer.id)),
      engine,
    )),
    ...diskFindings(known.disks, has),
    ...orphanFindings(known.layers, known.diskIds, has, begun),
    ...softwareFindings(known.software, has),
    ...machineFindings(idle, running),
    ...tpmFindings((await engine.tpm?.lost(call)) ?? []),
    ...strayFindings(new Set(known.machines.map(({ id }) => id)), running),
    ...jobFindings(known.jobs, clock.now()),
    ...roomFindings(has.capacity),
    ...deletingFindings(known.deletingInUse),
    ...waitingFindings(known.waiting),
    ...accountFindings(known.kept, known.recounted),
    ...layerSizeFindings(known.layers, has),
    ...networkFindings((await engine.network?.remains(call)) ?? [], engine.network?.lacks ?? null),
    ...templateFindings(known.templates, kept),
  ];
}

const isUsableRoot = (layer: Layer) => layer.id === layer.baseLayerId && isUsable(layer);

const unknown = { says: 'it is not known how it boots', sure: true };

/** Roots on which no machine can start, whatever else is well with them. */
async function bootFindings(roots: readonly Layer[], engine: Engine): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { id, kind, boot } of roots) {
    const fault = boot ? await engine.bootCheck?.fault({ boot, baseLayerId: id }, call) : unknown;
    if (!fault?.sure) continue;
    const what = kind === 'base' ? 'the base image on it' : 'the import on it';
    findings.push({
      severity: 'error',
      subject: `layer ${id}`,
      found: `starts no machine from ${what}: ${fault.says}`,
      cure: 'bring the file back when one is missing; else add a base image that boots, or import the image again with its manifest',
    });
  }
  return findings;
}
