// The functions of the desk about bases and software, over the operator's API: files are sent
// first.

import type { OperatorOperations } from '../../client/operator-types.ts';
import { fromWire, toWire } from '../../lib/wire-form.ts';
import type { Desk, GivenBase, GivenTitle } from './desk.ts';
import { type Far, resultOf, sendFile, wholeResultOf } from './far-work.ts';

export type FarCatalogue = Pick<
  Desk,
  | 'baseGet'
  | 'baseHeal'
  | 'baseList'
  | 'baseAdd'
  | 'baseTry'
  | 'softwareList'
  | 'softwareAdd'
  | 'softwareUpdate'
>;

export const farCatalogue = (far: Far): FarCatalogue => ({
  async baseGet(id) {
    const {
      client_code: _,
      message: __,
      timestamp: ___,
      ...shown
    } = await far.client.baseGet({ id });
    return fromWire(shown);
  },
  baseList: async () => fromWire((await far.client.baseList()).bases),
  async baseAdd(base) {
    const begun = await far.client.baseAdd(await sentBase(far, base));
    const { base: added, warnings = [] } = await wholeResultOf(far, begun);
    return { added: fromWire(added), warnings };
  },
  async baseHeal(id, { file, wanted }) {
    const sent = await sendFile(far, file);
    const begun = await far.client.baseHeal({ id, file: sent.id, disk_name: wanted });
    return fromWire(await resultOf(far, begun, 'healed'));
  },
  async baseTry(id, timeoutMs) {
    const seconds = Math.ceil(timeoutMs / 1000);
    return resultOf(far, await far.client.baseTry({ id, timeout_seconds: seconds }), 'trial');
  },
  softwareList: async () => fromWire((await far.client.softwareList()).software),
  async softwareAdd(title) {
    const begun = await far.client.softwareAdd(await sentTitle(far, title));
    return fromWire(await resultOf(far, begun, 'software'));
  },
  async softwareUpdate(id, title) {
    const begun = await far.client.softwareUpdate({ id, ...(await sentTitle(far, title)) });
    return fromWire(await resultOf(far, begun, 'software'));
  },
});

async function sentBase(
  far: Far,
  { files, boot, ...given }: GivenBase,
): Promise<OperatorOperations['baseAdd']['input']> {
  const kernel = files.kernel && (await sendFile(far, files.kernel)).id;
  const initrd = files.initrd && (await sendFile(far, files.initrd)).id;
  return {
    ...{ name: given.name, kernel, initrd, disk: (await sendFile(far, files.disk)).id },
    ...{ disk_name: files.wanted, version: given.version ?? undefined, hold: given.hold },
    awaits_trial: given.awaitsTrial,
    ...{ tpm: boot.tpm, state_copy: boot.stateCopy, board: boot.board, display: boot.display },
    agent_shell: boot.agentShell,
    ...(boot.mode === 'direct'
      ? { append: boot.append, build_append: boot.buildAppend ?? undefined }
      : { firmware: boot.mode === 'found' ? undefined : boot.mode }),
  };
}

async function sentTitle(
  far: Far,
  { files, ...title }: GivenTitle,
): Promise<OperatorOperations['softwareAdd']['input']> {
  const sent: { name: string; id: string }[] = [];
  for (const file of files) sent.push(await sendFile(far, file));
  return { ...toWire(title), version: title.version ?? undefined, files: sent };
}
