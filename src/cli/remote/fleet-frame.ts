// A picture of the fleet that fits a terminal: how many machines are in each state, the images that
// are being made, and as many machines as there is room for.

import { visible } from '../../lib/visible.ts';
import { tableOf } from '../listing.ts';
import { barOf } from '../progress.ts';
import { cut } from '../table.ts';
import type { Fleet } from './fleet.ts';
import { machineColumns } from './machine-table.ts';

interface Screen {
  columns: number;
  rows: number;
  hasColors: boolean;
}

interface Shown {
  url: string;
  fleet: Fleet | null;
  /** Why the server did not answer the last time. */
  problem: string | null;
}

/** Columns of a full screen: without those that say little there. */
const { ID, NAME, STATUS, IMAGE, REASON } = machineColumns;
const columns = { ID, NAME, STATUS, PHASE: phaseOf, IMAGE, REASON };

function phaseOf({ attributes: { phase } }: Fleet['machines'][number]) {
  return phase;
}

const bold = (text: string, { hasColors }: Screen) => (hasColors ? `\x1b[1m${text}\x1b[22m` : text);

function imageLines({ images }: Fleet, most: number): string[] {
  const active = images.filter(({ attributes: { status } }) => status !== 'available');
  return active.slice(0, most).map(({ attributes: one }) => {
    const bar = one.status === 'building' ? barOf(one.progress ?? 0) : '';
    const why = one.status === 'failed' ? (one.status_reason ?? '') : (one.phase ?? '');
    return `${bar}image ${one.id} (${one.name}): ${one.status}${why === '' ? '' : `, ${why}`}`;
  });
}

/** The lines of the picture, at most as many as the screen has, each no wider than it. */
export function frameOf({ url, fleet, problem }: Shown, screen: Screen): string[] {
  const fit = (line: string) => cut(visible(line).replaceAll('\n', ' '), screen.columns);
  const time = fleet === null ? '' : ` at ${new Date(fleet.at).toISOString().slice(11, 19)} UTC`;
  const head = [fit(`Silversmith ${url}${time} (q: quit)`)];
  if (problem !== null) head.push(fit(`No answer: ${problem}`));
  if (fleet === null) return head.slice(0, screen.rows);
  const counts = [...fleet.counts].map(([status, count]) => `${count} ${status}`).join(', ');
  const newest = fleet.images[0];
  head.push(fit(`Machines: ${counts === '' ? 'none' : counts}`));
  const room = screen.rows - head.length;
  const images = imageLines(fleet, Math.max(1, Math.floor(room / 3))).map(fit);
  if (images.length === 0 && newest)
    images.push(fit(`Newest image: ${newest.id} (${newest.attributes.name})`));
  const table = tableOf(columns, fleet.machines, screen.columns).split('\n').map(fit);
  const lines = [...head.map((line, at) => (at === 0 ? bold(line, screen) : line)), '', ...images];
  return [...lines, '', ...table].slice(0, screen.rows);
}
