// silversmith doctor: prints the faults and their cures.

import type { Command } from 'commander';
import { doctor } from '../../app/operator/doctor.ts';
import { layerVerify } from '../../app/operator/layer.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Finding } from '../../reconcile/findings.ts';
import type { Terminal } from '../output.ts';
import type { Local, OperatorContext } from './context.ts';
import { interruptible } from './interruptible.ts';

export function doctorCommand(
  command: Command,
  { local, withStore, print, terminal }: OperatorContext,
): void {
  local(command)
    .option('--deep', 'read every layer, and compare it with its digest')
    .action((flags: Local & { deep?: boolean }) =>
      withStore(
        flags,
        async ({ store, masterKey, operator, openEngine }) => {
          const engine = await openEngine();
          if (flags.deep)
            await interruptible((signal) => layerVerify(operator, engine, [], signal));
          const findings = await doctor({ store, masterKey, engine, clock: systemClock });
          print(flags, findings, inWords(findings));
          failOn(findings, terminal);
        },
        { check: true },
      ),
    );
}

export const inWords = (findings: readonly Finding[]): string =>
  findings.length === 0
    ? 'All is well: the store and the disk of the host agree.'
    : findings
        .map(
          ({ severity, subject, found, cure }) =>
            `${severity}: ${subject} ${found}\n  cure: ${cure}`,
        )
        .join('\n');

/** The exit status is 1 when a finding is an error. */
export function failOn(findings: readonly Finding[], terminal: Terminal): void {
  if (findings.some(({ severity }) => severity === 'error')) terminal.exitCode = 1;
}
