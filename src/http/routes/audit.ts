// The audit trail between the wire and the application.

import { userActionLogList } from '../../app/audit.ts';
import type { MachineId } from '../../domain/ids.ts';
import { dateTime, type Handlers } from '../handler.ts';

export const auditRoutes: Handlers<'userActionLogList'> = {
  async userActionLogList(ask, { query }) {
    const { entries, count, from, to } = await userActionLogList(ask, {
      startDate: query.start_date,
      endDate: query.end_date,
      action: query.action_type,
      machineId: query.organization_machine_id as MachineId | undefined,
    });
    // Keys act here, not users: no entry has the e-mail that is asked for.
    const shown = query.user_email === undefined ? entries : [];
    return {
      logs: shown.map((entry) => ({
        id: String(entry.id),
        type: 'user_action_log',
        attributes: {
          action_type: entry.action,
          created_at: dateTime(entry.createdAt),
          user_email: null,
          organization_machine_id: entry.machineId,
          metadata: {
            key: entry.keyId,
            image_id: entry.imageId,
            transfer_id: entry.transferId,
            request_id: entry.requestId,
            client_code: entry.clientCode,
          },
        },
      })),
      count: query.user_email === undefined ? count : 0,
      start_date: dateTime(from),
      end_date: dateTime(to),
    };
  },
};
