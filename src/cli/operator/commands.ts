// The operator's commands: they work on the data directory, with or without a server on it, and
// never over the API.

import type { Command } from 'commander';
import type { Listed, ListLocal } from '../remote/catalogue.ts';
import { auditCommands } from './audit.ts';
import { backupCommands } from './backup.ts';
import { baseCommands, printBases } from './base.ts';
import { cacheCommands } from './cache.ts';
import type { Opened, OperatorContext } from './context.ts';
import { doctorCommand } from './doctor.ts';
import { keyCommands } from './key.ts';
import { layerCommands } from './layer.ts';
import { machineCommands } from './machine.ts';
import { machineTypeCommands, printMachineTypes } from './machine-type.ts';
import { masterKeyCommands } from './master-key.ts';
import { organisationCommands } from './organisation.ts';
import { printSoftware, softwareCommands } from './software.ts';
import { storageCommand } from './storage.ts';
import { storeCommands } from './store.ts';

/** Adds the operator's commands, some of them to nouns that the API has too. */
export function operatorCommands(
  program: Command,
  nouns: Record<Listed | 'machine', Command>,
  context: OperatorContext,
): void {
  baseCommands(nouns.base, context);
  softwareCommands(nouns.software, context);
  machineTypeCommands(nouns['machine-type'], context);
  organisationCommands(program, context);
  keyCommands(program, context);
  masterKeyCommands(program, context);
  layerCommands(program, context);
  cacheCommands(program, context);
  storageCommand(program, context);
  storeCommands(program, context);
  backupCommands(program, context);
  doctorCommand(program, context);
  auditCommands(program, context);
  machineCommands(nouns.machine, context);
}

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
export const catalogueLocal =
  (context: OperatorContext): ListLocal =>
  (noun, { dataDir, json = false }) =>
    context.withStore({ dataDir }, (opened) => printLocal[noun](opened, context, { json }));
