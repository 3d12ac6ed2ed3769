// The usage and the quotas of an organisation, between the wire and the application.

import { usageGet } from '../../app/organisation.ts';
import type { Handlers } from '../handler.ts';

export const organisationHandlers: Handlers<'usageGet'> = {
  async usageGet(context) {
    const { storedGb, keptGb, disksGb, reservedGb, memoryMb, ...counts } = await usageGet(context);
    return {
      ...counts,
      stored_gb: storedGb,
      reserved_gb: reservedGb,
      kept_gb: keptGb,
      disks_gb: disksGb,
      memory_mb: memoryMb,
    };
  },
};
