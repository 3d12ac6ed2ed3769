// The installation of a store that several servers share. The scope does not matter. A store that
// one server owns has none, because its data directory says the same.

import type { Installation } from '../../domain/installation.ts';

export interface InstallationReader {
  /** Undefined before the first server has started on the store. */
  find(): Promise<Installation | undefined>;
}

export interface InstallationWriter extends InstallationReader {
  /** Keeps the installation, and returns it; returns the earlier one where there is one. */
  ensure(installation: Installation): Promise<Installation>;
  update(change: Partial<Pick<Installation, 'masterKeyCheck' | 'transfersId'>>): Promise<void>;
}
