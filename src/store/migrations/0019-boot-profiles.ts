// How a chain boots is a boot profile. The disk's own boot loader was called the firmware's, and
// machines have a BIOS.

import { statements } from './statements.ts';

export const bootProfiles = statements(`
update layer set boot = '{"mode":"bios"}' where boot = '{"mode":"firmware"}'`);
