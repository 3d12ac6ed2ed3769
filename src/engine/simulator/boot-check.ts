// The boards of the simulator, which are names alone: its guests have no hardware. No disk of it
// shows how it boots, so all of them boot by BIOS when nothing else is said.

import { settled } from '../../domain/boot.ts';
import { invalid } from '../../domain/error.ts';
import type { BootCheck } from '../optional/boot-check.ts';

const usualBoards = ['sim-2', 'sim-1'];

export function bootCheckIn(all: readonly string[] = usualBoards): BootCheck {
  const newest = all[0] ?? 'sim';
  return {
    boards: async () => ({ newest, all }),
    async settle({ boot }) {
      const { board = newest } = boot;
      if (!all.includes(board))
        throw invalid(`The simulator has no board ${board}; give one of: ${all.join(', ')}`);
      return settled(boot, board);
    },
    async fault({ boot: { board } }) {
      if (board === undefined || all.includes(board)) return null;
      const cure = 'silversmith base board BASE';
      return {
        says: `it has the board ${board}, and there are ${all.join(', ')}: ${cure}`,
        sure: true,
      };
    },
    growthFault: async () => null,
  };
}
