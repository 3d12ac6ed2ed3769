// Links that open a machine. A caller makes a link with the operation `machineAccess`. The requests
// that follow a link are not operations: they have no signature, because the secret in the path is
// the permission. GET does not use the link up, because programs that preview links send it; POST
// opens the machine.

import type { FastifyInstance } from 'fastify';
import { machineAccess, type Opened } from '../../app/access.ts';
import type { Application } from '../../app/application.ts';
import { shownOf } from '../../domain/machine.ts';
import type { Clock } from '../../lib/clock.ts';
import { envelopeAt } from '../errors.ts';
import { dateTime, type Handlers } from '../handler.ts';

export const accessHandlers: Handlers<'machineAccess'> = {
  async machineAccess(context, { params, body }) {
    const { uid, url, expiresAt } = await machineAccess(context, params.id, body.expires_in);
    return {
      id: uid,
      type: 'access',
      attributes: { uid, connection_link: url, expires_at: dateTime(expiresAt) },
    };
  },
};

export function accessRoutes(
  app: FastifyInstance,
  { application, clock }: { application: Application; clock: Clock },
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
    ...envelopeAt(clock.now()),
  });
  type Named = { Params: { token: string } };
  app.get<Named>('/access/:token', async ({ params }) =>
    present(await application.checkAccess(params.token)),
  );
  app.post<Named>('/access/:token', async ({ params, id }) =>
    present(await application.openAccess(params.token, id)),
  );
}
