// The picture of a machine's screen, between the wire and the application.

import { Readable } from 'node:stream';
import { machineScreen } from '../../app/screen.ts';
import { FileAnswer, type Handlers } from '../handler.ts';

export const screenHandlers: Handlers<'machineScreen'> = {
  async machineScreen(context, { params }) {
    const picture = await machineScreen(context, params.id);
    const content = async () => {
      const png = await picture();
      return { bytes: png.length, open: () => Readable.from([png]) };
    };
    return new FileAnswer(content, `machine-${params.id}.png`, 'image/png');
  },
};
