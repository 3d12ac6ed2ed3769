// The hardware that guests of Windows get, as far as Linux can show it: a guest boots with it. No
// Windows was tried.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { guests, quickBase } from './quick-base.ts';

const machineId = 7 as MachineId;

/** The command line of the QEMU that has the text in it. */
function commandWith(text: string): string {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (line.includes('qemu-system') && line.includes(text)) return line;
    } catch {
      // It has ended.
    }
  }
  return '';
}

it('a Linux guest boots with the hardware of a base of Windows', async (t) => {
  const folder = await temporaryFolder(t);
  const engine = await openQemu({ root: join(folder, 'engine') });
  defer(t, () => engine.close());
  const { boot: profile, ...files } = await quickBase(folder, guests.ready);
  const [base, disk] = [layerId(), diskId()];
  await engine.importBase({ layerId: base, ...(await contents(files)) }, call);
  const boot = { ...profile, agentShell: 'powershell' as const };
  await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes: gbBytes, region: null }, call);
  const spec = machineOn({ machineId, diskId: disk, boot, baseLayerId: base });
  await engine.startMachine(spec, call);
  defer(t, () => engine.stopMachine({ machineId, graceMs: 0 }, call));
  const isReady = async () =>
    ['ready', 'copy'].includes(await engine.machineState(machineId, call));
  await waitFor('it is ready', isReady, 240_000);
  assert.match(commandWith('driftfix=slew'), /-rtc base=localtime,driftfix=slew -machine hpet=off/);
});
