// The functions of the desk that read layers, the host and machines, over the operator's API.

import { fromWire } from '../../lib/wire-form.ts';
import type { Desk } from './desk.ts';
import { allPages, byAge } from './far-page.ts';
import { type Far, resultOf, wholeResultOf } from './far-work.ts';

export type FarHost = Pick<
  Desk,
  | 'doctor'
  | 'layerBoard'
  | 'layerList'
  | 'layerVerify'
  | 'machineList'
  | 'machineExec'
  | 'memberList'
  | 'templateList'
  | 'templateMake'
  | 'templateDelete'
>;

export const farHost = (far: Far): FarHost => ({
  doctor: async (deep) =>
    deep
      ? resultOf(far, await far.client.doctorDeep(), 'findings')
      : (await far.client.doctor()).findings,
  async layerList() {
    const orphans: unknown[] = [];
    const layers = await allPages(async (after) => {
      const page = await far.client.layerList(after);
      orphans.push(...page.orphans);
      return { items: page.layers, next: page.next };
    });
    const listed = fromWire<Awaited<ReturnType<Desk['layerList']>>>({ layers, orphans });
    return { ...listed, layers: byAge(listed.layers) };
  },
  async layerBoard(id, board) {
    const given = board === undefined ? {} : { board };
    const changed = await far.client.layerBoard({ id, ...given });
    return fromWire({ id: changed.id, boot: changed.boot });
  },
  async layerVerify(ids) {
    const begun = await far.client.layerVerify({ ...(ids.length > 0 && { ids: [...ids] }) });
    return fromWire(await resultOf(far, begun, 'layers'));
  },
  machineList: async () =>
    fromWire(
      await allPages(async (after) => {
        const { machines: items, next } = await far.client.machineList(after);
        return { items, next };
      }),
    ),
  async machineExec(id, command) {
    const begun = await far.client.machineExec({ id, command: [...command] });
    const {
      exit_code: exitCode = 1,
      stdout = '',
      stderr = '',
      is_cut,
    } = await wholeResultOf(far, begun);
    if (is_cut) far.terminal.err('warning: The output is longer; only its beginning came.');
    return { exitCode, stdout, stderr };
  },
  memberList: async () => (await far.client.memberList()).members,
  templateList: async () => fromWire((await far.client.templateList()).templates),
  async templateMake(imageId, machineTypeId) {
    const asked = {
      image_id: imageId,
      ...(machineTypeId !== undefined && { machine_type_id: machineTypeId }),
    };
    return fromWire((await far.client.templateMake(asked)).templates);
  },
  async templateDelete(id) {
    await far.client.templateDelete({ id });
  },
});
