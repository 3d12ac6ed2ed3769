// The options of the operator's commands, and what they get where they open the data directory.

import type { Operator } from '../../app/operator/context.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import type { Config, Flags } from '../../server/options.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import type { Remote } from '../remote/settings.ts';

/** The options that every such command has, as commander hands them over. */
export type Local = Pick<Flags, 'dataDir' | 'databaseUrl' | 'engine'> & { json?: boolean };

export interface Opened {
  config: Config;
  store: Store;
  masterKey: MasterKey;
  /** The user of the host, for the audit trail. */
  operator: Operator;
  openEngine(): Promise<Engine>;
}

/** The options of a command that also works over the operator's API. */
export type Both = Local & Pick<Remote, 'url' | 'key' | 'secret' | 'profile' | 'timeout'>;
