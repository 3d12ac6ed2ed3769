// The boot profile of a new root, at whatever engine.

import { type BootProfile, settled } from '../../domain/boot.ts';
import { type Call, withoutJob } from '../port/call.ts';
import type { Engine } from '../port/engine.ts';
import type { SettleSpec } from './boot-check.ts';
import { requirePart } from './parts.ts';

/**
 * Completes the boot profile of a new root. An engine without the part chooses the hardware of its
 * guests by itself: throws `invalid` there for a profile that asks for UEFI, a TPM or a board.
 */
export async function settledBoot(
  engine: Pick<Engine, 'name' | 'bootCheck'>,
  spec: SettleSpec,
  call: Call = withoutJob(),
): Promise<BootProfile> {
  if (engine.bootCheck) return engine.bootCheck.settle(spec, call);
  const { mode, tpm = false, board } = spec.boot;
  const asks = mode === 'uefi' || mode === 'uefi-secure' || tpm || board !== undefined;
  return asks ? requirePart(engine, 'bootCheck').settle(spec, call) : settled(spec.boot);
}
