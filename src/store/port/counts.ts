// Counts of things over all organisations, for the metrics.

/** A number, with the labels that tell it from the others of its list. */
export interface Counted {
  labels: Record<string, string>;
  count: number;
}

export interface Counts {
  /** Open jobs, by kind and state. */
  jobs: Counted[];
  /** When the oldest open job was added; null without one. */
  oldestJobAt: number | null;
  /** Running jobs whose lease is over, and which no server has claimed again. */
  leasesOverdue: number;
  /** Images that are not deleted, by status. */
  images: Counted[];
  /** By status. */
  machines: Counted[];
  /** By kind and state. */
  layers: Counted[];
  /** Stored bytes, by the same labels as `layers`. */
  layerBytes: Counted[];
  /** By state. */
  disks: Counted[];
  /** By state. */
  templates: Counted[];
  /** What their files take. */
  templateBytes: number;
  orphans: number;
  /** Deliveries of webhooks that wait or are dead, by state. */
  deliveries: Counted[];
  /**
   * When the delivery that waits longest was first to be sent, of webhooks that are not paused;
   * null when none waits.
   */
  oldestDeliveryAt: number | null;
  /** When the oldest event that is kept was written; null without events. */
  oldestEventAt: number | null;
  /**
   * When the sealed layer that has waited longest was last verified, or made if it never was; null
   * without layers.
   */
  oldestVerifiedAt: number | null;
}
