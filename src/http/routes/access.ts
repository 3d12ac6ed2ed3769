// Links that open a machine. A caller makes a link with the operation `machineAccess`. The requests
// that follow a link are not operations: they have no signature, because the secret in the path is
// the permission. GET does not use the link up, because programs that preview links send it; POST
// opens the machine, and answers with a second secret for the websockets of its screen and console.

import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { machineAccess, type Opened } from '../../app/access.ts';
import type { Application } from '../../app/application.ts';
import { viewKinds } from '../../app/view.ts';
import { AppError, invalid } from '../../domain/error.ts';
import { shownOf } from '../../domain/machine.ts';
import type { Clock } from '../../lib/clock.ts';
import { pagePolicy, pageRoutes, sendPage, wantsPage } from '../access-page.ts';
import { envelopeAt } from '../errors.ts';
import { dateTime, given, type Handlers } from '../handler.ts';
import { viewerLimits } from '../viewer.ts';
import { type Admitted, Viewers } from '../viewers.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The view that a request may begin. */
    admitted: Admitted | null;
  }
}

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

interface AccessOptions {
  application: Application;
  clock: Clock;
  /** The address at which callers reach the server; null: the address of each request. */
  publicUrl: string | null;
}

export function accessRoutes(app: FastifyInstance, options: AccessOptions): void {
  const { application, clock } = options;
  const present = ({ link, machine }: Opened, more: object = {}) => ({
    id: link.uid,
    type: 'access',
    attributes: {
      uid: link.uid,
      expires_at: dateTime(link.expiresAt),
      machine_id: machine.id,
      machine_name: machine.name,
      friendly_status: shownOf(machine).status,
      ...more,
    },
    ...envelopeAt(clock.now()),
  });
  type Named = { Params: { token: string } };
  app.get<Named>('/access/:token', { onSend: pagePolicy }, async (request, reply) => {
    if (wantsPage(request)) return sendPage(request, reply);
    return present(await application.checkAccess(request.params.token));
  });
  app.post<Named>('/access/:token', async ({ params, id }) => {
    const { session, ...opened } = await application.openAccess(params.token, id);
    return present(opened, { session, views: application.views.kinds() });
  });
  pageRoutes(app);
  app.register(websocket, {
    options: { maxPayload: viewerLimits.messageBytes, perMessageDeflate: false },
    // The viewers end their connections themselves, with the reason.
    preClose: (done: () => void) => done(),
  });
  app.register(async (inside) => viewRoutes(inside, options));
}

type Session = { Params: { session: string } };

/**
 * The websockets of a screen and of a console, with the secret of a used link as the permission.
 */
function viewRoutes(app: FastifyInstance, { application, publicUrl }: AccessOptions): void {
  const viewers = new Viewers(application, app.log);
  app.addHook('preClose', () => viewers.close());
  app.decorateRequest('admitted', null);
  for (const kind of viewKinds)
    app.route<Session>({
      method: 'GET',
      url: `/access/:session/${kind}`,
      exposeHeadRoute: false,
      async preValidation(request) {
        assertOwnPage(request, publicUrl);
        const { id: requestId, params, socket } = request;
        const address = (socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d)/, '');
        const admitted = await viewers.admit(kind, params.session, { requestId, address });
        request.admitted = admitted;
        // The library refuses a bad handshake by itself, and no view begins then.
        if (!request.ws || socket.destroyed) admitted.leave();
        else socket.once('close', admitted.leave);
      },
      async handler() {
        throw invalid(`This is the ${kind} of a machine; connect to it with a websocket.`);
      },
      wsHandler: (socket, request) => viewers.begin(socket, given(request.admitted)),
    });
}

/** Refuses the pages of other origins. A program that is no browser sends no origin. */
function assertOwnPage({ headers }: FastifyRequest, publicUrl: string | null): void {
  const { origin, host } = headers;
  if (origin === undefined) return;
  const own = publicUrl === null ? host : new URL(publicUrl).host;
  if (!URL.canParse(origin) || new URL(origin).host !== own)
    throw new AppError(
      'permission_required',
      'A page of another origin may not look at machines; open the link itself. Behind a proxy the server needs --public-url.',
    );
}
