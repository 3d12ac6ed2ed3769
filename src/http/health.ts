// Whether the process lives (/healthz), and whether it can work (/readyz). Both need no signature
// and have no rate limit.

import type { FastifyInstance } from 'fastify';
import { AppError } from '../domain/error.ts';
import { atMostEvery } from '../lib/at-most-every.ts';

/** For how long an outcome of the check is used again. */
const readyMs = 2000;

/** `check` throws when the store cannot be written or the engine cannot work. */
export function healthRoutes(app: FastifyInstance, check: () => Promise<void>): void {
  const ready = atMostEvery(readyMs, check);
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    await ready().catch((error) => {
      if (error instanceof AppError && error.code === 'unavailable') throw error;
      throw new AppError(
        'unavailable',
        'The store or the engine does not work; the log says why.',
        { detail: String(error) },
      );
    });
    return { status: 'ok' };
  });
}
