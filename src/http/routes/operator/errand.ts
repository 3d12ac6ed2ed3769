// Errands, and what begins one beside the catalogue: layers are verified, the host is examined, and
// a command is run inside a machine.

import { doctor } from '../../../app/operator/doctor.ts';
import { layerVerify } from '../../../app/operator/layer.ts';
import { machineExec, machinePage, memberList } from '../../../app/operator/machine.ts';
import { invalid } from '../../../domain/error.ts';
import { begun, type OperatorHandlers, presentErrand } from './handler.ts';

/** The most of each output of a command that is answered. */
const outputBytesMax = 1024 ** 2;

const cut = (text: string) => Buffer.from(text).subarray(0, outputBytesMax).toString();

export const errandHandlers: Pick<
  OperatorHandlers,
  | 'layerVerify'
  | 'doctorDeep'
  | 'machineList'
  | 'machineExec'
  | 'memberList'
  | 'errandGet'
  | 'errandCancel'
> = {
  layerVerify(request, { body: { ids = [] } }) {
    const engine = request.engine();
    return begun(request, 'layerVerify', async (signal, say) => ({
      layers: await layerVerify(request.operator, engine, ids, signal, say),
    }));
  },
  doctorDeep(request) {
    const { operator, engine: engineOf, ...patient } = request;
    const engine = engineOf();
    return begun(request, 'doctorDeep', async (signal, say) => {
      await layerVerify(operator, engine, [], signal, say);
      say('examining the host');
      return { findings: await doctor({ ...patient, engine }) };
    });
  },
  async machineList({ store }, { query: { after, limit = 100 } }) {
    if (after !== undefined && !/^\d{1,15}$/.test(after))
      throw invalid('The query’s field after must be the id of a machine.');
    const found = await machinePage(store, after === undefined ? null : Number(after), limit);
    return {
      machines: found.map(({ id, name, organisationId, status }) => ({
        ...{ id, name, organisation_id: organisationId, status },
      })),
      next: found.length < limit ? null : String(found.at(-1)?.id),
    };
  },
  machineExec(request, { params, body: { command } }) {
    const engine = request.engine();
    return begun(request, 'machineExec', async (signal) => {
      const { exitCode, ...outputs } = await machineExec(
        request.operator,
        engine,
        params.id,
        command,
        signal,
      );
      const [stdout, stderr] = [cut(outputs.stdout), cut(outputs.stderr)];
      const isCut = stdout !== outputs.stdout || stderr !== outputs.stderr;
      return { exit_code: exitCode, stdout, stderr, is_cut: isCut };
    });
  },
  memberList: async ({ engine }) => ({ members: await memberList(engine()) }),
  errandGet: async ({ errands, keyId }, { params }) =>
    presentErrand(await errands.get(keyId, params.id)),
  errandCancel: async ({ errands, keyId }, { params }) =>
    presentErrand(await errands.cancel(keyId, params.id)),
};
