// The links that open a machine. Nobody signs these requests: the secret in the path is the
// permission. GET only looks, so that a program that previews links uses none up; POST opens.

import type { FastifyInstance } from 'fastify';
import { accessCheck, accessOpen, type Opened } from '../../app/access.ts';
import { shownOf } from '../../domain/machine.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { timestampOf } from '../errors.ts';
import { dateTime } from '../handler.ts';

export function accessRoutes(
  app: FastifyInstance,
  { store, clock }: { store: Store; clock: Clock },
): void {
  const present = ({ link, machine }: Opened) => ({
    id: link.uid,
    type: 'access',
    attributes: {
      uid: link.uid,
      expires_at: dateTime(link.expiresAt),
      machine_id: machine.id,
      machine_name: machine.name,
      friendly_status: shownOf(machine).status,
    },
    client_code: 200,
    message: 'OK',
    timestamp: timestampOf(clock.now()),
  });
  type Named = { Params: { token: string } };
  app.get<Named>('/access/:token', async ({ params }) =>
    present(await accessCheck(store, params.token)),
  );
  app.post<Named>('/access/:token', async ({ params, id }) =>
    present(await accessOpen(store, params.token, id)),
  );
}
