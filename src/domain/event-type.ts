// The types of events. The contract has them from here too, so that they stand once.

/**
 * `changed`: a request or the reconciler changed the thing. `progress`: a job works on it. `log`: a
 * build has printed something. `damaged`, `healed`: of a layer on which the organisation has
 * images. `low`, `recovered`: of the room on the host's disk.
 */
export const eventTypes = [
  'image.changed',
  'image.progress',
  'image.log',
  'machine.changed',
  'machine.progress',
  'transfer.changed',
  'transfer.progress',
  'layer.damaged',
  'layer.healed',
  'host.low',
  'host.recovered',
] as const;

export type EventType = (typeof eventTypes)[number];
