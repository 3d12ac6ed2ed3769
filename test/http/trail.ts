// Reads the entries of a request in the audit trail.

import type { Answer } from './requests.ts';
import { settled } from './settled.ts';

interface Entry {
  action: string;
  code: number;
  image: number | null;
  machines: (number | null)[];
  transfer: string | null;
}

export async function trail(...given: Parameters<typeof settled>) {
  const { h, settle, install } = await settled(...given);
  /** The entries of a request as one, with the machine of each; null without entries. */
  const entryOf = async ({ headers }: Answer): Promise<Entry | null> => {
    const { logs } = (await h.call('userActionLogList')).body;
    type Log = (typeof logs)[number];
    const own = logs
      .map(({ attributes }: Log) => attributes)
      .filter((one: Log) => one.metadata.request_id === headers['x-request-id']);
    if (own.length === 0) return null;
    const [{ action_type, metadata }] = own;
    const machines = own.map((one: Log) => one.organization_machine_id).reverse();
    const { client_code: code, image_id: image, transfer_id: transfer } = metadata;
    return { action: action_type, code, image, machines, transfer };
  };
  return { h, settle, entryOf, image: () => install([]) };
}
