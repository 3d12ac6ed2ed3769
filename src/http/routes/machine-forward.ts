// The ports of the host that lead to machines, between the wire and the application.

import {
  type ForwardView,
  machineForwardAdd,
  machineForwardList,
  machineForwardRemove,
} from '../../app/machine-forward.ts';
import type { Answer } from '../../contract/table.ts';
import { dateTime, type Handlers } from '../handler.ts';

const presentForward = (forward: ForwardView): Answer<'machineForwardAdd'> => ({
  id: String(forward.id),
  type: 'machine_forward',
  attributes: {
    id: forward.id,
    protocol: forward.protocol,
    address: forward.address,
    port: forward.port,
    guest_port: forward.guestPort,
    open: forward.open,
    fault: forward.fault,
    created_at: dateTime(forward.createdAt),
  },
});

export const machineForwardHandlers: Handlers<
  'machineForwardList' | 'machineForwardAdd' | 'machineForwardRemove'
> = {
  machineForwardList: async (context, { params }) => ({
    forwards: (await machineForwardList(context, params.id)).map(presentForward),
  }),
  machineForwardAdd: async (context, { params, body }) =>
    presentForward(
      await machineForwardAdd(context, params.id, {
        protocol: body.protocol ?? 'tcp',
        address: body.address ?? undefined,
        port: body.port,
        guestPort: body.guest_port,
      }),
    ),
  async machineForwardRemove(context, { params }) {
    await machineForwardRemove(context, params.id, params.forward);
    return {};
  },
};
