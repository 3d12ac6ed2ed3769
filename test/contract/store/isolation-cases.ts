// One case for each method of the nouns whose rows belong to organisations, tried in the scope of
// another organisation.

import type {
  DiskId,
  ImageId,
  JobId,
  KeyId,
  LayerId,
  MachineId,
  SoftwareId,
  TransferId,
} from '../../../src/domain/ids.ts';
import type { Job } from '../../../src/domain/job.ts';
import type { Webhook } from '../../../src/domain/webhook.ts';
import type { Reader, Writer } from '../../../src/store/port/unit-of-work.ts';
import { tenOfEach } from './world.ts';

/** One thing of each noun, all of one organisation. */
export interface Things {
  imageId: ImageId;
  deletedId: ImageId;
  machineId: MachineId;
  deletedMachineId: MachineId;
  diskId: DiskId;
  freshId: DiskId;
  jobId: JobId;
  job: Job;
  transferId: TransferId;
  goneId: TransferId;
  uid: string;
  keyId: KeyId;
  webhook: Webhook;
  deliveryId: number;
  forwardId: number;
  networkDueAt: number;
  layerId: LayerId;
  softwareId: SoftwareId;
}

export const step = (position: number, softwareId: SoftwareId) => ({
  position,
  softwareId,
  cache: 'hit' as const,
  exitCode: null,
  durationMs: 1,
  output: '',
});

type Read = (work: Reader, their: Things) => Promise<unknown>;
type Change = (work: Writer, their: Things) => Promise<unknown>;

/** Reads that find nothing of another organisation: they return nothing or throw. */
export const misses: Record<string, Read> = {
  'images.find': (work, { imageId }) => work.images.find(imageId),
  'images.get': (work, { imageId }) => work.images.get(imageId),
  'images.getDeleted': (work, { deletedId }) => work.images.getDeleted(deletedId),
  'images.softwareOf': (work, { imageId }) => work.images.softwareOf([imageId]),
  'images.steps': (work, { imageId }) => work.images.steps(imageId),
  'images.stepOutput': (work, { imageId }) => work.images.stepOutput(imageId, 1, 0, 9),
  'machines.find': (work, { machineId }) => work.machines.find(machineId),
  'machines.get': (work, { machineId }) => work.machines.get(machineId),
  'machines.getDeleted': (work, { deletedMachineId }) => work.machines.getDeleted(deletedMachineId),
  'machines.getMany': (work, { machineId }) => work.machines.getMany([machineId]),
  'machines.ofImage': (work, { imageId }) => work.machines.ofImage(imageId),
  'machines.console': (work, { machineId }) => work.machines.console(machineId),
  'disks.find': (work, { diskId }) => work.disks.find(diskId),
  'disks.get': (work, { diskId }) => work.disks.get(diskId),
  'disks.findMany': (work, { diskId }) => work.disks.findMany([diskId]),
  'disks.ofMachine': (work, { machineId }) => work.disks.ofMachine(machineId),
  'jobs.get': (work, { jobId }) => work.jobs.get(jobId),
  'jobs.ofImages': (work, { imageId }) => work.jobs.ofImages([imageId]),
  'jobs.ofMachines': (work, { machineId }) => work.jobs.ofMachines([machineId]),
  'forwards.ofMachines': (work, { machineId }) => work.forwards.ofMachines([machineId]),
  'transfers.find': (work, { transferId }) => work.transfers.find(transferId),
  'transfers.get': (work, { transferId }) => work.transfers.get(transferId),
  'access.find': (work, { uid }) => work.access.find(uid),
  'access.findUsed': (work, { uid }) => work.access.findUsed(`of ${uid}`),
  'webhooks.get': (work, { webhook }) => work.webhooks.get(webhook.id),
  'webhooks.deliveries': (work, { webhook }) => work.webhooks.deliveries(webhook.id, 10),
  'webhooks.delivery': (work, { webhook, deliveryId }) =>
    work.webhooks.delivery(webhook.id, deliveryId),
  'webhooks.due': (work, { webhook }) => work.webhooks.due(webhook.id, 10),
  'webhooks.find': (work, { webhook }) => work.webhooks.find(webhook.id),
  'events.firstLog': (work, { imageId }) => work.events.firstLog(imageId),
  'events.lastLogs': (work, { imageId }) => work.events.lastLogs(imageId, 10),
  'keys.find': (work, { keyId }) => work.keys.find(keyId),
  'keys.findMany': (work, { keyId }) => work.keys.findMany([keyId]),
};

const later = (work: Reader) => work.now() + 1_000_000;

/** Lists and counts, which are the same whether there is another organisation or not. */
export const lists: Record<string, Read> = {
  'images.list': (work) => work.images.list({ page: 1, perPage: 10 }),
  'images.deletedAt': (work) => work.images.deletedAt(),
  'images.printed': (work) => work.images.printed(10),
  'images.forgettable': (work) => work.images.forgettable(later(work), 10),
  'machines.forgettable': (work) => work.machines.forgettable(later(work), 10),
  'images.standingOn': (work, { layerId }) => work.images.standingOn(layerId),
  'machines.list': (work) => work.machines.list({ page: 1, perPage: 10 }),
  'machines.all': (work) => work.machines.all(),
  'machines.page': (work) => work.machines.page(null, 10),
  'machines.ready': (work) => work.machines.ready(),
  'machines.living': (work) => work.machines.living(),
  'machines.dueRestarts': (work) => work.machines.dueRestarts(10),
  'access.openMachines': (work) => work.access.openMachines(),
  'machines.places': (work) => work.machines.places(),
  'machines.networkDue': (work) => work.machines.networkDue(later(work), 10),
  'disks.list': (work) => work.disks.list(),
  'disks.storedBytes': (work) => work.disks.storedBytes(),
  'disks.ids': (work) => work.disks.ids(),
  'disks.kept': (work) => work.disks.kept(),
  'disks.deleting': (work) => work.disks.deleting(later(work)),
  'disks.standingOn': (work, { layerId }) => work.disks.standingOn(layerId),
  'jobs.open': (work) => work.jobs.open(10),
  'jobs.running': (work) => work.jobs.running(),
  'jobs.due': (work) => work.jobs.due(tenOfEach, 1000),
  'jobs.openOfKind': (work) => work.jobs.openOfKind('imageExport'),
  'jobs.nextDue': (work) => work.jobs.nextDue(),
  'transfers.list': (work) => work.transfers.list(),
  'transfers.page': (work) => work.transfers.page({ perPage: 10 }),
  'transfers.deleted': (work) => work.transfers.deleted(),
  'keys.list': (work) => work.keys.list(),
  'keys.page': (work) => work.keys.page(null, 10),
  'audit.list': (work) => work.audit.list({ from: 0, to: later(work), limit: 10 }),
  'audit.hasBefore': (work) => work.audit.hasBefore(later(work)),
  'webhooks.list': (work) => work.webhooks.list(),
  'webhooks.waiting': (work, { webhook }) => work.webhooks.waiting(webhook.id),
  'webhooks.counts': (work, { webhook }) => work.webhooks.counts(webhook.id),
  'webhooks.ready': (work) => work.webhooks.ready(),
  'webhooks.hasEnded': (work) => work.webhooks.hasEnded(later(work), later(work)),
  'events.after': (work) => work.events.after(0, 100),
  'events.newest': (work) => work.events.newest(),
  'events.forgotten': (work) => work.events.forgotten(),
  'events.hasBefore': (work) => work.events.hasBefore(later(work)),
  'events.hasMoreThan': (work) => work.events.hasMoreThan(1),
  'usage.of': (work) =>
    work.usage.of(['images', 'machines', 'builds', 'storedGb', 'keptGb', 'disksGb']),
  'usage.storedBytes': (work) => work.usage.storedBytes(),
  'account.kinds': (work) => work.account.kinds(),
  'usage.generalizes': (work) => work.usage.generalizes(),
};

/** Changes that leave another organisation as it is. */
export const changes: Record<string, Change> = {
  'images.update': (work, { imageId }) => work.images.update(imageId, { report: 'changed' }),
  'images.become': (work, { imageId }) => work.images.become(imageId, 'failed'),
  'images.failAbove': (work, { layerId }) => work.images.failAbove(layerId, 'changed'),
  'images.healAbove': (work, { layerId }) => work.images.healAbove(layerId),
  'images.releaseLayers': (work) => work.images.releaseLayers(later(work)),
  'images.recordStep': (work, { imageId, softwareId }) =>
    work.images.recordStep(imageId, step(2, softwareId)),
  'machines.update': (work, { machineId }) => work.machines.update(machineId, { cpus: 9 }),
  'machines.updateMany': (work, { machineId }) =>
    work.machines.updateMany([machineId], { cpus: 9 }),
  'machines.setPermissions': (work, { machineId }) =>
    work.machines.setPermissions(machineId, { changed: true }),
  'machines.setCared': (work, { machineId, networkDueAt }) =>
    work.machines.setCared(machineId, { since: networkDueAt, dueAt: null, addresses: ['::5'] }),
  'forwards.remove': (work, { machineId, forwardId }) => work.forwards.remove(machineId, forwardId),
  'forwards.removeOf': (work, { machineId }) => work.forwards.removeOf(machineId),
  'forwards.note': (work, { forwardId }) =>
    work.forwards.note(forwardId, { openedAt: 9, fault: 'changed' }),
  'machines.assign': (work, { machineId }) => work.machines.assign([machineId], 1 as ImageId),
  'machines.unassign': (work, { machineId }) => work.machines.unassign([machineId]),
  'machines.takeFormerDisks': (work, { machineId }) => work.machines.takeFormerDisks([machineId]),
  'machines.setRootSystem': (work, { machineId }) =>
    work.machines.setRootSystem(machineId, {
      ...{ device: 'vda1', type: 'ext4', bytes: 1, diskBytes: 2, unused: null },
    }),
  'machines.keepConsole': (work, { machineId }) => work.machines.keepConsole(machineId, 'changed'),
  'machines.setPaused': (work, { machineId }) => work.machines.setPaused([machineId]),
  'machines.setOff': (work, { machineId }) => work.machines.setOff([machineId], 'changed'),
  'disks.update': (work, { diskId }) => work.disks.update(diskId, { storedBytes: 9 }),
  'disks.setStoredBytes': (work, { diskId }) =>
    work.disks.setStoredBytes([{ id: diskId, storedBytes: 9 }]),
  'disks.keep': (work, { diskId }) => work.disks.keep(diskId, 1),
  'disks.keepMany': (work, { diskId }) => work.disks.keepMany([diskId], 1),
  'disks.putBack': (work, { diskId }) => work.disks.putBack([diskId]),
  'disks.releaseKept': (work) => work.disks.releaseKept(later(work)),
  'disks.markDeleting': (work) => work.disks.markDeleting(),
  'disks.takeUp': (work) => work.disks.takeUp(),
  'disks.remove': (work, { diskId }) => work.disks.remove(diskId),
  'jobs.claim': (work, { jobId }) => work.jobs.claim([jobId], 'thief', 1),
  'jobs.fencedUpdate': (work, { job }) => work.jobs.fencedUpdate(job, { phase: 'changed' }),
  'jobs.cancelOfImage': (work, { imageId }) => work.jobs.cancelOfImage(imageId),
  'jobs.requestCancel': (work, { jobId }) => work.jobs.requestCancel(jobId),
  'jobs.prune': (work) => work.jobs.prune(later(work)),
  'transfers.update': (work, { transferId }) => work.transfers.update(transferId, { bytes: 9 }),
  'transfers.delete': (work, { transferId }) => work.transfers.delete(transferId),
  'transfers.remove': (work, { transferId }) => work.transfers.remove(transferId),
  'images.dropOutput': (work, { imageId }) => work.images.dropOutput([imageId]),
  'images.forget': (work, { deletedId }) => work.images.forget([deletedId], later(work)),
  'machines.forget': (work, { deletedMachineId }) =>
    work.machines.forget([deletedMachineId], later(work)),
  'machines.releaseDeleted': (work) => work.machines.releaseDeleted(later(work)),
  'access.removeOf': (work, { machineId }) => work.access.removeOf(machineId),
  'access.use': (work, { uid }) => work.access.use(uid, `again ${uid}`),
  'access.prune': (work) => work.access.prune(later(work)),
  'audit.prune': (work) => work.audit.prune(later(work)),
  'webhooks.remove': (work, { webhook }) => work.webhooks.remove(webhook.id),
  'webhooks.updateDelivery': (work, { deliveryId }) =>
    work.webhooks.updateDelivery(deliveryId, { attempts: 9 }),
  'webhooks.update': (work, { webhook }) =>
    work.webhooks.update(webhook.id, { secretSealed: 'changed' }),
  'webhooks.renew': (work, { webhook }) => work.webhooks.renew(webhook.id),
  'webhooks.prune': (work) => work.webhooks.prune(later(work), later(work)),
  'events.add': (work, { imageId, machineId, transferId: id }) =>
    work.events.add('changed', {
      imageIds: [imageId],
      machineIds: [machineId],
      transferIds: [id],
    }),
  'events.addLog': (work, { imageId }) => work.events.addLog(imageId, {}),
  'events.addOfLayer': (work, { imageId, layerId }) =>
    work.events.addOfLayer('layer.healed', layerId, [imageId]),
  'events.prune': (work) => work.events.prune(later(work)),
  'events.pruneBeyond': (work) => work.events.pruneBeyond(0),
  'keys.used': (work, { keyId }) => work.keys.used(keyId),
  'keys.expire': (work, { keyId }) => work.keys.expire(keyId, 1),
  'keys.reseal': (work, { keyId }) => work.keys.reseal(keyId, 'changed', 'changed'),
  'keys.revoke': (work, { keyId }) => work.keys.revoke(keyId).catch(() => {}),
};

/** Methods that add a row name its organisation, and those of the reconciler have no scope. */
export const withoutCase = new Set([
  'images.add',
  'machines.add',
  'disks.add',
  'transfers.add',
  'access.add',
  'forwards.add',
  'audit.add',
  'events.addOfHost',
  'webhooks.add',
  'webhooks.enqueue',
  'events.beginAnew',
  'keys.add',
  // It is asked before the organisation is known.
  'keys.claimed',
  // They are of the whole host.
  'account.host',
  'account.recounted',
  'account.recount',
  'jobs.enqueue',
  'jobs.begin',
  'jobs.begun',
  'jobs.begunBy',
  'jobs.abandoned',
  'jobs.leaseOwner',
  'jobs.takeLease',
  'jobs.endLeases',
]);
