// The audit trail between the wire and the application.

import { userActionLogList } from '../../app/audit.ts';
import { operationNames, specOf } from '../../contract/table.ts';
import { dateTime, type Handlers } from '../handler.ts';

/**
 * The trail keeps the names of operations, and an answer the action types of the specification. A
 * link that is opened and a view of a machine are no operations; they have action types of their
 * own.
 */
const actionTypes = new Map<string, string>([
  ...operationNames.map((name) => [name, specOf(name).action ?? name] as const),
  ['machineAccessOpen', 'machine_external_access_opened'],
  ['machineScreenOpen', 'machine_screen_opened'],
  ['machineScreenClose', 'machine_screen_closed'],
  ['machineConsoleOpen', 'machine_console_opened'],
  ['machineConsoleClose', 'machine_console_closed'],
]);
const actionsOf = (type: string) =>
  [...actionTypes].filter(([, one]) => one === type).map(([action]) => action);

export const auditHandlers: Handlers<'userActionLogList'> = {
  async userActionLogList(context, { query }) {
    const { entries, count, more, from, to } = await userActionLogList(context, {
      startDate: query.start_date,
      endDate: query.end_date,
      actions: query.action_type === undefined ? undefined : actionsOf(query.action_type),
      machineId: query.organization_machine_id,
      before: query.before,
    });
    // Keys act here, not users, so no entry has the e-mail that is asked for.
    const shown = query.user_email === undefined ? entries : [];
    return {
      logs: shown.map((entry) => ({
        id: String(entry.id),
        type: 'user_action_log',
        attributes: {
          action_type: actionTypes.get(entry.action) ?? entry.action,
          created_at: dateTime(entry.createdAt),
          user_email: null,
          organization_machine_id: entry.machineId,
          metadata: {
            key: entry.keyId,
            image_id: entry.imageId,
            transfer_id: entry.transferId,
            touched_key: entry.touchedKeyId,
            webhook_id: entry.webhookId,
            address: entry.address,
            duration_ms: entry.durationMs,
            request_id: entry.requestId,
            client_code: entry.clientCode,
          },
        },
      })),
      count: query.user_email === undefined ? count : 0,
      start_date: dateTime(from),
      end_date: dateTime(to),
      next_before: more ? (shown.at(-1)?.id ?? null) : null,
    };
  },
};
