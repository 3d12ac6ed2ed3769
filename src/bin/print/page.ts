// The pages and scripts that a command prints, by their names.

import type { PagesContext } from '../pages.ts';
import { completionFor } from './completion.ts';
import { manualPage } from './manual.ts';

export const printedPage: PagesContext['printed'] = (name) =>
  name === 'manual' ? manualPage() : completionFor(name);
