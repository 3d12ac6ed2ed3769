// The console of a machine, between the wire and the application.

import { machineConsole } from '../../app/console.ts';
import { dateOrNull, type Handlers } from '../handler.ts';

export const consoleHandlers: Handlers<'machineConsole'> = {
  async machineConsole(context, { params }) {
    const kept = await machineConsole(context, params.id);
    return {
      id: String(params.id),
      type: 'machine_console',
      attributes: { shown: kept?.shown ?? null, kept_at: dateOrNull(kept?.keptAt ?? null) },
    };
  },
};
