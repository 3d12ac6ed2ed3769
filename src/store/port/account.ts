// The account: what the things of an organisation, and those of the whole host, hold. The sums are
// those of the rows at this commit, because they are kept in the transactions that change the rows.

import type { Account, Held } from '../../domain/account.ts';

/** The sums of all things of one kind. */
export interface HeldOfKind extends Held {
  /**
   * `machine`: machines that are on or starting. `disk.STATE`; `layer`; `transfer`; `upload`;
   * `intake`; and for what open jobs reserve, the kind of the job.
   */
  kind: string;
}

export interface AccountReader {
  /**
   * The account of the whole host, whatever the scope; undefined before the host was measured. The
   * disks of machines that are on reserve their growth. Builds beyond those that run at once hold
   * no memory, because they wait for the place of another one.
   *
   * `guestsOnly`: undefined also where nothing limits guests. Then the sums are not read, with
   * which the transactions of all starts would conflict.
   */
  host(options?: { guestsOnly?: boolean }): Promise<Account | undefined>;
  /**
   * What the scope holds, by kind, as it is kept; kinds of which nothing is left may be missing.
   */
  kinds(): Promise<HeldOfKind[]>;
  /** The same for the system's scope, counted from all rows anew; it takes long. */
  recounted(): Promise<HeldOfKind[]>;
}

export interface AccountWriter extends AccountReader {
  /**
   * Replaces all kept sums by those of the rows. It takes long, and conflicts with every change.
   */
  recount(): Promise<void>;
}
