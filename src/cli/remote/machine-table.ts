// The columns in which machines are shown.

import type { Answer } from '../../contract/table.ts';
import { type Columns, tableOf } from '../listing.ts';
import type { Terminal } from '../output.ts';

export type Machine = Answer<'machineGet'>;

export const machineColumns: Columns<Machine> = {
  ID: ({ attributes: machine }) => machine.id,
  NAME: ({ attributes: machine }) => machine.name,
  STATUS: ({ attributes: machine }) => machine.friendly_status,
  'DISK GB': ({ attributes: machine }) => machine.disk_size,
  IMAGE: ({ attributes: machine }) => machine.assigned_image_name,
  PENDING: ({ attributes: machine }) => (machine.assignment_pending ? 'at next start' : null),
  REASON: ({ attributes: machine }) => machine.status_reason,
};

export const machineTable = ({ columns }: Terminal, machines: readonly Machine[]): string =>
  tableOf(machineColumns, machines, columns);
