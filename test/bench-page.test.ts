// A recording of one benchmark leaves the figures of all others as they are.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { withSection } from '../bench/page.ts';

const page = `# Performance

The machine: A.

## one

\`npm run bench -- reads\`

| one |

## two

\`npm run bench -- reads --store postgres --rounds 1\`

| two |

Written by hand.
`;
const measured = { title: 'new', machine: 'A', body: '| new |\n' };

it('a recorded benchmark replaces its own section alone, and a new one comes last', () => {
  const first = withSection(page, { ...measured, command: 'npm run bench -- reads --rounds 3' });
  const section = '## new\n\n`npm run bench -- reads --rounds 3`\n\n| new |\n\n## two';
  assert.equal(first, page.replace(/## one[\s\S]*?## two/, section));
  const command = 'npm run bench -- reads --store postgres';
  const second = withSection(page, { ...measured, machine: 'B', command });
  assert.ok(second.startsWith(page.slice(0, page.indexOf('## two'))));
  assert.ok(second.endsWith(`## new\n\n\`${command}\`\n\nMeasured on B.\n\n| new |\n`));
  const third = withSection(page, { ...measured, command: 'npm run bench -- disks' });
  assert.equal(third, `${page}\n## new\n\n\`npm run bench -- disks\`\n\n| new |\n`);
});
