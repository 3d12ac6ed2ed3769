// The columns in which machines are shown.

import type { Answer } from '../../contract/table.ts';
import { type Columns, tableOf } from '../listing.ts';
import type { Terminal } from '../output.ts';

export type Machine = Answer<'machineGet'>;

export const machineColumns = {
  ID: ({ attributes: machine }: Machine) => machine.id,
  NAME: ({ attributes: machine }: Machine) => machine.name,
  STATUS: ({ attributes: machine }: Machine) => machine.friendly_status,
  CPUS: ({ attributes: machine }: Machine) => machine.cpus,
  'MEMORY MB': ({ attributes: machine }: Machine) => machine.memory_mb,
  'DISK GB': ({ attributes: machine }: Machine) => machine.disk_size,
  IMAGE: ({ attributes: machine }: Machine) => machine.assigned_image_name,
  PENDING: ({ attributes: machine }: Machine) =>
    machine.assignment_pending ? 'at next start' : null,
  REASON: ({ attributes: machine }: Machine) => machine.status_reason,
} satisfies Columns<Machine>;

export const machineTable = ({ columns }: Terminal, machines: readonly Machine[]): string =>
  tableOf(machineColumns, machines, columns);

/** What a machine does by itself, as the end of a sentence whose subject is the machine. */
export function policyOf({ attributes }: Machine): string {
  const { auto_stop_threshold: seconds, crash_policy: onCrash } = attributes;
  const stops =
    seconds === 0 ? 'does not stop by itself' : `stops after ${seconds / 60} minutes without use`;
  return `${stops}, and ${onCrash === 'restart' ? 'starts again' : 'stays off'} when its guest died.`;
}
