// The nouns of the catalogue as the operator sees them: `list --local`.

import type { Listed } from '../remote/catalogue.ts';
import type { Remote } from '../remote/settings.ts';
import { printBases } from './base.ts';
import type { Opened, OperatorContext } from './context.ts';
import { printMachineTypes } from './machine-type.ts';
import { printSoftware } from './software.ts';

type PrintLocal = (
  opened: Opened,
  context: OperatorContext,
  flags: { json?: boolean },
) => Promise<void>;

const printLocal: Record<Listed, PrintLocal> = {
  base: printBases,
  software: printSoftware,
  'machine-type': printMachineTypes,
};

/** Lists a noun of the catalogue with the fields that only the operator sees. */
export const listLocal = (
  context: OperatorContext,
  noun: Listed,
  { dataDir, json = false }: Remote,
): Promise<void> =>
  context.withStore({ dataDir }, (opened) => printLocal[noun](opened, context, { json }));
