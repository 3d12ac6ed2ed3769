// The viewers of one server: how many there may be, which of them have to go, and their entries in
// the audit trail.

import type { WebSocket } from '@fastify/websocket';
import type { Opened } from '../app/access.ts';
import type { Application } from '../app/application.ts';
import type { ViewKind } from '../app/view.ts';
import { AppError } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import type { Log } from '../lib/log.ts';
import { TokenBuckets } from '../lib/token-bucket.ts';
import { SharedConsoles } from './shared-console.ts';
import { showStream, takeInput, type ViewEnd, Viewer, viewerLimits } from './viewer.ts';

/** A view that is admitted, and may begin. */
export interface Admitted extends Opened {
  kind: ViewKind;
  /** The secret of the used link. */
  session: string;
  requestId: string;
  /** Where the viewer comes from. */
  address: string;
  /** Gives the place of a view that does not begin back. */
  leave(): void;
}

const names = { screen: 'machineScreen', console: 'machineConsole' } as const;

export class Viewers {
  readonly #application: Application;
  readonly #log: Log;
  readonly #consoles: SharedConsoles;
  readonly #current = new Map<Viewer, Admitted>();
  readonly #ofMachine = new Map<MachineId, number>();
  readonly #ending = new Set<Promise<void>>();
  /** Each view leaves two entries in the audit trail. */
  readonly #begins = new TokenBuckets(viewerLimits.beginsPerSecond);
  #isChecking = false;
  #count = 0;
  #isStopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(application: Application, log: Log) {
    this.#application = application;
    this.#log = log;
    this.#consoles = new SharedConsoles((id) => application.views.open('console', id));
  }

  /** Throws `not_found` and `machine_not_ready`, and `too_many_requests` at a limit. */
  async admit(
    kind: ViewKind,
    session: string,
    from: Pick<Admitted, 'requestId' | 'address'>,
  ): Promise<Admitted> {
    const opened = await this.#application.resumeAccess(session);
    const waitMs = this.#begins.take(String(opened.machine.id), performance.now());
    if (waitMs > 0)
      throw new AppError(
        'too_many_requests',
        `Machine ${opened.machine.id} begins more than ${viewerLimits.beginsPerSecond} views a second; wait ${Math.ceil(waitMs / 1000)} s.`,
        { retryAfterMs: waitMs },
      );
    const leave = this.#enter(opened.machine.id);
    return { ...opened, ...from, kind, session, leave };
  }

  #enter(id: MachineId): () => void {
    const { ofServer, ofMachine } = viewerLimits;
    const already = this.#ofMachine.get(id) ?? 0;
    if (this.#isStopping || this.#count >= ofServer || already >= ofMachine)
      throw new AppError(
        'too_many_requests',
        already >= ofMachine
          ? `Machine ${id} has ${ofMachine} viewers, which is the most; let one of them leave.`
          : `This server has ${ofServer} viewers, which is the most, or it stops; try again.`,
        { retryAfterMs: viewerLimits.checkMs },
      );
    this.#counted(id, 1);
    let isIn = true;
    return () => {
      if (isIn) this.#counted(id, -1);
      isIn = false;
    };
  }

  #counted(id: MachineId, by: 1 | -1): void {
    this.#count += by;
    const of = (this.#ofMachine.get(id) ?? 0) + by;
    if (of > 0) this.#ofMachine.set(id, of);
    else this.#ofMachine.delete(id);
    if (this.#count > 0)
      this.#timer ??= setInterval(() => void this.#check(), viewerLimits.checkMs).unref();
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  /** Shows a machine over a connection, until one of the two ends. */
  begin(socket: WebSocket, admitted: Admitted): void {
    const viewing = this.#view(socket, admitted).finally(() => {
      admitted.leave();
      this.#ending.delete(viewing);
    });
    this.#ending.add(viewing);
  }

  async #view(socket: WebSocket, admitted: Admitted): Promise<void> {
    const { kind, machine } = admitted;
    const viewer = new Viewer(socket);
    const closed = viewer.closed();
    // What it sends before there is somewhere to put it waits in its connection.
    viewer.pause();
    this.#current.set(viewer, admitted);
    const begun = performance.now();
    let leave = () => {};
    let isRecorded = false;
    try {
      if (this.#isStopping) viewer.end('stopping');
      await this.#record(admitted, `${names[kind]}Open`);
      isRecorded = true;
      const joined =
        kind === 'console'
          ? await this.#consoles.join(machine.id, viewer)
          : await this.#screen(machine.id, viewer);
      leave = joined.leave;
      const { stream } = joined;
      if (stream.destroyed) viewer.end('off');
      viewer.onMessage((bytes) => takeInput(viewer, stream, bytes));
      viewer.resume();
      await closed;
    } catch (error) {
      if (!(error instanceof AppError)) this.#log.error({ err: error }, 'a view has failed');
      viewer.refuse(error instanceof AppError ? error.message : 'The view has failed; try again.');
      await closed;
    } finally {
      leave();
      this.#current.delete(viewer);
      if (isRecorded)
        await this.#record(admitted, `${names[kind]}Close`, performance.now() - begun).catch(
          (error) => this.#log.error({ err: error }, 'the end of a view could not be recorded'),
        );
    }
  }

  async #screen(id: MachineId, viewer: Viewer) {
    const stream = await this.#application.views.open('screen', id);
    stream.on('error', () => viewer.end('lost'));
    stream.on('close', () => viewer.end('off'));
    showStream(stream, viewer);
    return { stream, leave: () => stream.destroy() };
  }

  #record({ link, requestId, address }: Admitted, name: string, ms?: number): Promise<void> {
    const durationMs = ms === undefined ? {} : { durationMs: Math.round(ms) };
    return this.#application.recordView({ link, name, requestId, address, ...durationMs });
  }

  /** Ends the views of links that are over, and of machines that are not ready any more. */
  async #check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    for (const [viewer, { session }] of this.#current) {
      viewer.check();
      const why = await this.#application.resumeAccess(session).then(() => null, endOf);
      if (why !== null) viewer.end(why);
    }
    this.#isChecking = false;
  }

  /** Ends all views, and resolves when their ends are recorded. */
  async close(): Promise<void> {
    this.#isStopping = true;
    for (const viewer of this.#current.keys()) viewer.end('stopping');
    await Promise.all(this.#ending);
  }
}

/** Why a view ends at an error; null when the error says nothing about it. */
function endOf(error: unknown): ViewEnd | null {
  if (!(error instanceof AppError)) return null;
  if (error.code === 'not_found') return 'over';
  return error.code === 'machine_not_ready' ? 'off' : null;
}
