// Bases and software of operators, between the wire and the functions of the operator.

import { baseAdd, baseGet, baseList, baseTry } from '../../../app/operator/base.ts';
import { baseHeal } from '../../../app/operator/base-heal.ts';
import type { OperatorRequest } from '../../../app/operator/request.ts';
import {
  type NewSoftware,
  softwareAdd,
  softwareList,
  softwareUpdate,
} from '../../../app/operator/software.ts';
import { forgetUploads, sentFile, withUploads } from '../../../app/operator/upload.ts';
import type { OperatorInput } from '../../../contract/operator/table.ts';
import { givenBoot } from '../../../domain/boot.ts';
import { invalid } from '../../../domain/error.ts';
import type { UploadId } from '../../../domain/ids.ts';
import { fromWire, toWire } from '../../../lib/wire-form.ts';
import { begun, type OperatorHandlers } from './handler.ts';

const usualTimeoutMs = 1800_000;
const usualTrialS = 300;

/** Runs work on files that were sent, and forgets them when it has succeeded. */
const usingUp = <Result>(
  rooms: OperatorRequest,
  ids: readonly UploadId[],
  work: () => Promise<Result>,
): Promise<Result> =>
  withUploads(rooms.store, ids, async () => {
    const result = await work();
    // Files that are still there are removed when they expire.
    await forgetUploads(rooms, ids).catch(() => {});
    return result;
  });

function newBaseOf(rooms: OperatorRequest, body: OperatorInput<'baseAdd'>['body']) {
  const { kernel, initrd, firmware, tpm, board, display, append } = body;
  const wish = { firmware, tpm, board, display, append };
  const { state_copy: stateCopy, build_append: buildAppend, agent_shell: agentShell } = body;
  const more = { stateCopy, buildAppend, agentShell };
  const { name, version, hold, awaits_trial: awaitsTrial = false } = body;
  const named = { name, version, hold, awaitsTrial };
  if ((kernel === undefined) !== (initrd === undefined))
    throw invalid('Direct boot needs both a kernel and an initrd; send both, or neither.');
  const wanted = body.disk_name;
  const disk = {
    disk: sentFile(rooms, body.disk, 'disk'),
    ...(wanted !== undefined && { wanted }),
  };
  if (kernel === undefined || initrd === undefined) {
    const boot = givenBoot({ ...wish, ...more }, false);
    return { used: [body.disk], base: { ...named, files: disk, boot } };
  }
  const files = {
    ...disk,
    kernel: sentFile(rooms, kernel, 'kernel'),
    initrd: sentFile(rooms, initrd, 'initrd'),
  };
  const boot = givenBoot({ ...wish, ...more }, true);
  return { used: [body.disk, kernel, initrd], base: { ...named, files, boot } };
}

function titleOf(rooms: OperatorRequest, body: OperatorInput<'softwareAdd'>['body']) {
  const { files = [], network = false, timeout_ms: timeoutMs = usualTimeoutMs, ...rest } = body;
  const title: NewSoftware = {
    ...fromWire<Omit<NewSoftware, 'files' | 'network' | 'timeoutMs'>>(rest),
    ...{ network, timeoutMs },
    files: files.map((file) => sentFile(rooms, file.id, file.name)),
  };
  return { used: files.map(({ id }) => id), title };
}

export const catalogueHandlers: Pick<
  OperatorHandlers,
  | 'baseGet'
  | 'baseHeal'
  | 'baseList'
  | 'baseAdd'
  | 'baseTry'
  | 'softwareList'
  | 'softwareAdd'
  | 'softwareUpdate'
> = {
  baseList: async ({ store }) => ({ bases: toWire(await baseList(store)) }),
  baseGet: async ({ store, engine }, { params }) =>
    toWire(await baseGet(store, engine(), params.id)),
  async baseAdd(request, { body }) {
    const { used, base } = newBaseOf(request, body);
    const engine = request.engine();
    return begun(request, 'baseAdd', (signal, say) =>
      usingUp(request, used, async () => {
        say('taking the disk in');
        const added = await baseAdd(request.operator, engine, base, signal);
        const { warnings } = await baseGet(request.store, engine, added.id);
        return { base: toWire(added), warnings };
      }),
    );
  },
  baseTry(request, { params, body: { timeout_seconds: seconds = usualTrialS } }) {
    const engine = request.engine();
    return begun(request, 'baseTry', async (signal, say) => {
      say('starting a build machine');
      return { trial: await baseTry(request.operator, engine, params.id, seconds * 1000, signal) };
    });
  },
  async baseHeal(request, { params, body: { file, disk_name: wanted } }) {
    const engine = request.engine();
    const from = { file: sentFile(request, file, 'this file'), wanted };
    return begun(request, 'baseHeal', (signal) =>
      usingUp(request, [file], async () => ({
        healed: await baseHeal(request.operator, engine, params.id, from, signal),
      })),
    );
  },
  softwareList: async ({ store }) => ({ software: toWire(await softwareList(store)) }),
  async softwareAdd(request, { body }) {
    const { used, title } = titleOf(request, body);
    const engine = request.engine();
    return begun(request, 'softwareAdd', (signal) =>
      usingUp(request, used, async () => ({
        software: toWire(await softwareAdd(request.operator, engine, title, signal)),
      })),
    );
  },
  async softwareUpdate(request, { params, body }) {
    const { used, title } = titleOf(request, body);
    const engine = request.engine();
    return begun(request, 'softwareUpdate', (signal) =>
      usingUp(request, used, async () => ({
        software: toWire(await softwareUpdate(request.operator, engine, params.id, title, signal)),
      })),
    );
  },
};
