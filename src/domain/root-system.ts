// The root file system of a machine, as its guest says.

export interface RootSystem {
  /** As the guest calls what it is on, such as `vda1` or `C:`. */
  device: string;
  /** Such as `ext4`. */
  type: string;
  bytes: number;
  diskBytes: number;
  /** A sentence, where much of the disk is in no file system: why, and what to do. */
  unused: string | null;
}
