// The metrics that the store counts at the moment when they are asked for. They are numbers of all
// servers on one store, so each server shows the same.

import { Counter, Gauge, type Registry } from 'prom-client';
import type { ServiceCounts } from '../app/counts.ts';
import { type Account, accountRoomBytes } from '../domain/account.ts';
import type { Clock } from '../lib/clock.ts';

const gaugesIn =
  (registry: Registry) =>
  (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `silversmith_${name}`, help, labelNames, registers: [registry] });

function fill(gauge: Gauge, rows: ServiceCounts['counts']['jobs']): void {
  gauge.reset();
  for (const { labels, count } of rows) gauge.set(labels, count);
}

/** How long ago a time was; 0 when there is none. */
const secondsBy = (clock: Clock) => (at: number | null | undefined) =>
  Math.max(0, (clock.now() - (at ?? clock.now())) / 1000);

/** Makes gauges of events and deliveries; the returned function sets them. */
function countEvents(registry: Registry, clock: Clock): (found: ServiceCounts) => void {
  const of = gaugesIn(registry);
  const sinceSeconds = secondsBy(clock);
  const deliveries = of('webhook_deliveries', 'Deliveries that wait or are dead.', ['state']);
  const oldestDelivery = of(
    'webhook_oldest_waiting_seconds',
    'How long ago the delivery that waits longest was first to be sent.',
  );
  const oldestEvent = of('event_oldest_seconds', 'How old the oldest event is that is kept.');
  const written = new Counter({
    name: 'silversmith_events_written_total',
    help: 'Events that this server has written.',
    registers: [registry],
  });
  return ({ counts, eventsWritten }) => {
    fill(deliveries, counts.deliveries);
    oldestDelivery.set(sinceSeconds(counts.oldestDeliveryAt));
    oldestEvent.set(sinceSeconds(counts.oldestEventAt));
    written.reset();
    written.inc(eventsWritten);
  };
}

/** Makes gauges of the store's counts; the returned function sets them. */
export function countGauges(
  registry: Registry,
  look: () => Promise<ServiceCounts>,
  clock: Clock,
): () => Promise<void> {
  const of = gaugesIn(registry);
  const jobs = of('jobs', 'Open jobs.', ['kind', 'state']);
  const oldestDue = of(
    'job_oldest_due_seconds',
    'For how long the job that waits longest could be begun.',
  );
  const oldestOpen = of(
    'job_oldest_open_seconds',
    'How long ago the oldest open job was asked for.',
  );
  const overdue = of(
    'job_leases_overdue',
    'Jobs whose owner is silent and that nobody has taken over.',
  );
  const runAgain = new Counter({
    name: 'silversmith_store_reruns_total',
    help: 'Transactions that were undone, mostly because of a conflict with another, and run again.',
    registers: [registry],
  });
  const images = of('images', 'Images that are not deleted.', ['status']);
  const machines = of('machines', 'Machines.', ['status']);
  const layers = of('layers', 'Layers.', ['kind', 'state']);
  const layerBytes = of('layer_stored_bytes', 'What layers take on the disk of the host.', [
    'kind',
    'state',
  ]);
  const disks = of('disks', 'Disks of machines.', ['state']);
  const templates = of('templates', 'Templates, from whose memory machines start.', ['state']);
  const templateBytes = of('template_bytes', 'What the files of templates take.');
  const orphans = of('orphans', 'Files in the engine’s keeping that the store does not know.');
  const unverified = of(
    'layer_oldest_verification_seconds',
    'How long ago the least recently verified layer was.',
  );
  const setAccount = accountGauges(of);
  const sinceSeconds = secondsBy(clock);
  const setEvents = countEvents(registry, clock);
  return async () => {
    const found = await look();
    const { counts, dueAt, account, reruns } = found;
    fill(jobs, counts.jobs);
    oldestDue.set(sinceSeconds(dueAt));
    oldestOpen.set(sinceSeconds(counts.oldestJobAt));
    runAgain.reset();
    runAgain.inc(reruns);
    overdue.set(counts.leasesOverdue);
    fill(images, counts.images);
    fill(machines, counts.machines);
    fill(layers, counts.layers);
    fill(layerBytes, counts.layerBytes);
    fill(disks, counts.disks);
    fill(templates, counts.templates);
    templateBytes.set(counts.templateBytes);
    orphans.set(counts.orphans);
    unverified.set(sinceSeconds(counts.oldestVerifiedAt));
    setEvents(found);
    setAccount(account);
  };
}

/** Makes gauges of the host's account; the returned function sets them. */
function accountGauges(of: (name: string, help: string) => Gauge) {
  const free = of('host_disk_free_bytes', 'Room on the disk of the host, as last looked at.');
  const total = of('host_disk_total_bytes', 'Size of the disk of the host.');
  const reserved = of('host_reserved_bytes', 'Bytes that accepted work may still write.');
  const room = of('host_room_bytes', 'Bytes that new work may take; below 0 in the reserve.');
  const memory = of('guest_memory_bytes', 'Memory of machines that are on and of builds.');
  const memoryMost = of('guest_memory_limit_bytes', 'Memory that they may have together.');
  const cpus = of('guest_cpus', 'Processors of machines that are on and of builds.');
  const cpusMost = of('guest_cpus_limit', 'Processors that they may have together.');
  return (account: Account | undefined) => {
    const set = (gauge: Gauge, value: number | null | undefined) => gauge.set(value ?? Number.NaN);
    set(free, account?.capacity.freeBytes);
    set(total, account?.capacity.totalBytes);
    set(reserved, account?.held.reservedBytes);
    set(room, account && accountRoomBytes(account));
    set(memory, account && account.held.memoryMb * 1024 ** 2);
    const most = account?.admission.memoryMb ?? null;
    set(memoryMost, most === null ? null : most * 1024 ** 2);
    set(cpus, account?.held.cpus);
    set(cpusMost, account?.admission.cpus);
  };
}
