// The work that is done while the event loop is watched: requests of one organisation that has all
// machines and half of the images, and each task.

import { pathPrefix } from '../../src/contract/envelope.ts';
import { withoutJob } from '../../src/engine/port/call.ts';
import { taskNames } from '../../src/reconcile/tasks.ts';
import { commonText, rareText, type Size } from '../scale/fill.ts';
import type { Server } from '../scale/server.ts';
import type { LoopProbe } from './probe.ts';

export type Round = Awaited<ReturnType<LoopProbe['watch']>>;

interface Work {
  what: string;
  run(): Promise<unknown>;
  /** Done before each round, and not measured. */
  prepare?(): Promise<unknown>;
}

/** The most machines that one request may name. */
const assignedMax = 1000;

/** In this order, since a work may need what an earlier one has left. */
export function worksOn(server: Server, { images, machines }: Size): Work[] {
  const { sendRaw, service, engine, store } = server;
  const request = async (method: string, path: string, query = '', body?: object) => {
    const { statusCode, body: answer } = await sendRaw({
      ...{ method, path: pathPrefix + path, query },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (statusCode !== 200) throw new Error(`${method} ${path}: ${statusCode} ${answer}`);
  };
  const get = (path: string, query?: string): Work => ({
    what: `GET ${path}${query ?? ''}`,
    run: () => request('GET', path, query),
  });
  // Images with even halves are of the first organisation; those with odd numbers are builds.
  const image = 5;
  const assign = (from: number, to: number) =>
    request('POST', `/images/${image}/assign`, '', {
      machine_ids: Array.from({ length: to - from }, (_, index) => from + index + 1),
    });
  const assignAll = async () => {
    for (let from = 0; from < machines; from += assignedMax)
      await assign(from, Math.min(machines, from + assignedMax));
  };
  const settle = () => service.reconciler.settle();
  // Else each assignment would queue the stops of those that are on.
  const switchOff = () =>
    store.write('system', async (work) => {
      const ids = (await work.machines.ready()).map(({ id }) => id);
      await work.machines.updateMany(ids, { status: 'off' });
    });
  let machine = 3;
  return [
    get('/images', '?page=1'),
    get('/images', `?page=${Math.floor(images / 4 / 20)}`),
    get('/images', `?q=${rareText}`),
    get('/images', `?q=${commonText}`),
    get('/images', '?q=e+1'),
    get('/machines', '?page=1&per_page=100'),
    get('/machines', '?q=machine'),
    get('/machines', '?status=off'),
    get(`/images/${image}`),
    get(`/images/${image}/storage`),
    get(`/images/${image}/dependents`),
    get('/usage'),
    get('/software'),
    get('/user-action-logs'),
    { what: 'GET /metrics', run: () => service.app.inject('/metrics') },
    { what: 'the simulator: runningMachines', run: () => engine.runningMachines(withoutJob()) },
    { what: 'the simulator: inventory', run: () => engine.inventory(withoutJob()) },
    ...taskNames.flatMap((name) => ({
      what: `task ${name}`,
      run: () => service.reconciler.task(name),
    })),
    { what: 'a pass of the reconciler', run: () => service.reconciler.pass() },
    {
      what: 'POST /images, a capture, to its end',
      prepare: async () => {
        machine += 4;
        await request('POST', `/machines/${machine}/reset`);
        await request('POST', `/machines/${machine}/start`);
        await settle();
        await request('POST', `/machines/${machine}/stop`);
        await settle();
      },
      run: async () => {
        await request('POST', '/images', '', { machine_id: machine });
        await settle();
      },
    },
    {
      what: `POST assign of ${assignedMax}`,
      prepare: switchOff,
      run: () => assign(0, assignedMax),
    },
    {
      what: `POST assign/undo of ${machines}`,
      prepare: assignAll,
      run: () => request('POST', `/images/${image}/assign/undo`),
    },
  ];
}
