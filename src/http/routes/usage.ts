// What the organisation has and may have, between the wire and the application.

import { usageGet } from '../../app/usage.ts';
import type { Handlers } from '../handler.ts';

export const usageRoutes: Handlers<'usageGet'> = {
  async usageGet(context) {
    const { storedGb, keptGb, disksGb, ...counts } = await usageGet(context);
    return { ...counts, stored_gb: storedGb, kept_gb: keptGb, disks_gb: disksGb };
  },
};
