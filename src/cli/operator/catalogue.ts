// The nouns of the catalogue as the operator sees them: `list --local`.

import type { ListFlags } from '../listing.ts';
import type { Listed } from '../remote/catalogue.ts';
import type { Remote } from '../remote/settings.ts';
import { printBases } from './base.ts';
import type { Opened, OperatorContext } from './context.ts';
import { printMachineTypes } from './machine-type.ts';
import { printSoftware } from './software.ts';

type PrintLocal = (opened: Opened, context: OperatorContext, flags: ListFlags) => Promise<void>;

const printLocal: Record<Listed, PrintLocal> = {
  base: printBases,
  software: printSoftware,
  'machine-type': printMachineTypes,
};

/** Lists a noun of the catalogue with the fields that only the operator sees. */
export const listLocal = (
  context: OperatorContext,
  noun: Listed,
  { dataDir, ...flags }: Remote & ListFlags,
): Promise<void> =>
  context.withStore({ dataDir }, (opened) => printLocal[noun](opened, context, flags));
