// Measures starts from the memory of a template beside boots of the same image, in one run: how
// long a machine takes until it is ready, 25 starts at once, the memory that machines take, and how
// long a template takes. Type: npm run bench instant [-- --rounds N] [--at-once N] [--beside N]
// [--json]

import { readFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { MachineId, TemplateId } from '../src/domain/ids.ts';
import type { MachineSpec } from '../src/engine/port/machines.ts';
import { findProcess, processesIn } from '../src/engine/qemu/process.ts';
import { systemClock } from '../src/lib/clock.ts';
import { call } from '../test/call.ts';
import { layerId } from '../test/contract/engine/world.ts';
import { readyMs, type TemplateWorld, templateWorld } from '../test/qemu/template-world.ts';
import type { Scope } from '../test/support.ts';
import { workedUs } from './processor.ts';
import { median, type Row, report } from './report.ts';

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    'at-once': { type: 'string', default: '25' },
    beside: { type: 'string', default: '20' },
    'cold-beside': { type: 'string', default: '6' },
    json: { type: 'boolean' },
  },
});
const rounds = Number(given.rounds);
const pollMs = 10;

/** Cold on the layer of the template, or on that of the image, whose first boot it is. */
const hows = ['cold', 'image', 'instant'] as const;
type How = (typeof hows)[number];

interface Taken {
  readyMs: number;
  processorMs: number;
  memoryMb: number;
}

const numbersFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => first + index);

const percentile = (values: readonly number[], part: number) =>
  [...values].sort((one, other) => one - other)[Math.ceil(values.length * part) - 1] ?? Number.NaN;

/** Starts a machine and waits until it is ready. */
async function start(world: TemplateWorld, id: number, spec: MachineSpec): Promise<Taken> {
  const { engine, root } = world;
  const begun = performance.now();
  const started = await engine.startMachine(spec, call);
  const wanted = spec.template === undefined ? 'cold' : 'instant';
  if (started.how !== wanted) throw new Error(`it started ${JSON.stringify(started)}`);
  while ((await engine.machineState(id as MachineId, call)) !== 'ready') {
    if (performance.now() - begun > readyMs) throw new Error(`machine ${id} is not ready`);
    await systemClock.sleep(pollMs);
  }
  const taken = performance.now() - begun;
  const { pid } = (await findProcess(processesIn(root), 'machine', id)) ?? { pid: 0 };
  return { readyMs: taken, ...(await consumed(pid)) };
}

/** Of a process: the time that it worked, and the memory that is its own share. */
async function consumed(pid: number): Promise<Omit<Taken, 'readyMs'>> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return {
    processorMs: (await workedUs(pid)) / 1000,
    memoryMb: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]) / 1024,
  };
}

/** The memory that so many machines of one kind take together, when all are ready. */
async function memoryOf(world: TemplateWorld, ids: readonly number[], cold: boolean) {
  const { root, machine, stop } = world;
  for (const id of ids) {
    const spec = await machine(id);
    await start(world, id, cold ? withoutTemplate(spec) : spec);
  }
  let sum = 0;
  for (const id of ids) {
    const { pid } = (await findProcess(processesIn(root), 'machine', id)) ?? { pid: 0 };
    sum += (await consumed(pid)).memoryMb;
  }
  for (const id of ids) await stop(id);
  return sum / ids.length;
}

/** How long another template takes; it is removed at once. */
async function remade({ engine, spec }: TemplateWorld): Promise<number> {
  const templateId = layerId() as string as TemplateId;
  const other = { ...spec, templateId, resultLayerId: layerId() };
  const begun = performance.now();
  await engine.instant.makeTemplate(other, call);
  const taken = performance.now() - begun;
  await engine.instant.removeTemplate(templateId, call);
  await engine.removeLayer(other.resultLayerId, call);
  return taken;
}

function withoutTemplate(spec: MachineSpec): MachineSpec {
  const { template: _template, ...cold } = spec;
  return cold;
}

async function measure(world: TemplateWorld): Promise<Row[]> {
  const taken: Record<How, Taken[]> = { cold: [], image: [], instant: [] };
  const madeMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    madeMs.push(await remade(world));
    for (const how of hows) {
      const below = how === 'image' ? { chain: world.spec.chain } : {};
      const spec = await world.machine(round + 1, below);
      const wanted = how === 'instant' ? spec : withoutTemplate(spec);
      taken[how].push(await start(world, round + 1, wanted));
      await world.stop(round + 1);
    }
  }
  const of = (how: How, what: keyof Taken) => median(taken[how].map((one) => one[what]));
  const row = (what: string, ms: number | string, ratio: number, goal: string, more = ''): Row => ({
    what,
    values: { ms, '× cold': ratio, goal, more },
  });
  const faster = of('cold', 'readyMs') / of('instant', 'readyMs');
  const [cold, first] = [of('cold', 'readyMs'), of('image', 'readyMs')];
  const rows = [
    row('start to ready, cold', cold, 1, '', `${of('cold', 'processorMs')} ms of processor`),
    row(
      'start to ready, instant',
      of('instant', 'readyMs'),
      1 / faster,
      '1/20, 1000 ms',
      `${of('instant', 'processorMs')} ms of processor; ${faster.toFixed(1)} times faster`,
    ),
    row('the first boot of the image, cold', first, first / cold, ''),
    row(
      'template',
      median(madeMs),
      median(madeMs) / cold,
      'first boot + 3 s',
      `first boot + ${((median(madeMs) - first) / 1000).toFixed(1)} s`,
    ),
  ];
  const ids = numbersFrom(100, Number(given['at-once']));
  const specs = await Promise.all(ids.map((id) => world.machine(id)));
  const together = await Promise.all(
    specs.map((spec, index) => start(world, ids[index] ?? 0, spec)),
  );
  const times = together.map((one) => one.readyMs);
  for (const id of ids) await world.stop(id);
  rows.push(
    row(`${ids.length} at once, median`, median(times), median(times) / cold, ''),
    row(
      `${ids.length} at once, p95`,
      percentile(times, 0.95),
      percentile(times, 0.95) / cold,
      '5000 ms',
    ),
  );
  const clones = await memoryOf(world, numbersFrom(200, Number(given.beside)), false);
  const boots = await memoryOf(world, numbersFrom(300, Number(given['cold-beside'])), true);
  const memory = `MB each, of ${given.beside}; cold, of ${given['cold-beside']}: ${boots.toFixed(0)}`;
  rows.push(row('memory', '', clones / boots, '0.6', `${clones.toFixed(0)} ${memory}`));
  return rows;
}

const cleanups: (() => Promise<void>)[] = [];
const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
try {
  const rows = await measure(await templateWorld(scope, { hooked: false }));
  const load = loadavg()[0]?.toFixed(1);
  report(`instant starts, ${cpus().length} processors, load ${load}`, rows);
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
