// The parts that an engine may have beside its core. An engine that lacks an ability lacks its
// field.

import { invalid } from '../../domain/error.ts';
import type { Backup } from './backup.ts';
import type { BootCheck } from './boot-check.ts';
import type { Compact } from './compact.ts';
import type { Console } from './console.ts';
import type { Exec } from './exec.ts';
import type { HostBound } from './host-bound.ts';
import type { Instant } from './instant.ts';
import type { Network } from './network.ts';
import type { Packages } from './packages.ts';
import type { Pause } from './pause.ts';
import type { Places } from './places.ts';
import type { Screen } from './screen.ts';
import type { Tpm } from './tpm.ts';
import type { Transfer } from './transfer.ts';
import type { Trial } from './trial.ts';
import type { Verify } from './verify.ts';
import type { Vitals } from './vitals.ts';

export interface Parts {
  readonly backup: Backup;
  readonly bootCheck: BootCheck;
  readonly compact: Compact;
  readonly console: Console;
  readonly exec: Exec;
  readonly hostBound: HostBound;
  readonly network: Network;
  readonly instant: Instant;
  readonly packages: Packages;
  readonly pause: Pause;
  readonly places: Places;
  readonly screen: Screen;
  readonly tpm: Tpm;
  readonly transfer: Transfer;
  readonly trial: Trial;
  readonly verify: Verify;
  readonly vitals: Vitals;
}

const cannot: Record<keyof Parts, string> = {
  backup: 'copies nothing for a backup; use the means of what it keeps its disks on',
  bootCheck: 'chooses the firmware and the board of its machines by itself',
  compact: 'cannot shorten the chain of an image',
  console: 'shows no consoles',
  exec: 'runs no guests, so no command can be run in one; use the qemu engine',
  hostBound: 'keeps nothing on this host',
  network: 'leaves the network of machines to its cluster',
  instant: 'starts no machines from memory',
  packages: 'reads no lists of packages from disks',
  pause: 'pauses no machines',
  places: 'has one host only',
  screen: 'gives its machines no screens; use their consoles',
  tpm: 'emulates no TPM',
  transfer: 'gives out and takes in no images as files',
  trial: 'starts no machine only to see whether it comes up',
  verify: 'takes no digests of layers',
  vitals: 'cannot say whether the guest of a machine lives',
};

type Having = { readonly name: string } & Partial<Parts>;

/** Returns a part that the caller needs. Throws `invalid`, which names the missing ability. */
export function requirePart<Name extends keyof Parts>(engine: Having, name: Name): Parts[Name] {
  const part: Partial<Parts>[Name] = engine[name];
  const who = engine.name === 'simulator' ? 'The simulator' : `The ${engine.name} engine`;
  if (part === undefined) throw invalid(`${who} ${cannot[name]}.`);
  return part;
}
