// The arguments of npm run crash: each does as its help says, and a wrong argument is refused.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSelection, selectionFrom, toEnvironment } from './selection.ts';

const names = ['stop', 'install of three titles', 'import', 'import again'];
const parse = (typed: Parameters<typeof parseSelection>[0]) => parseSelection(typed, names);

describe('the arguments of npm run crash', () => {
  it('select every step of everything when there are none', () => {
    assert.deepEqual(parse({}), { store: 'sqlite', steps: 'every' });
  });

  it('reach the test as they were given', () => {
    const selection = parse({ scenario: 'stop', engine: 'qemu', fault: 'power', steps: 'new' });
    assert.deepEqual(selectionFrom(toEnvironment(selection)), selection);
    assert.deepEqual(selectionFrom({}), { steps: 'sample' }, 'npm test gives none');
  });

  it('take a scenario by its name or by a unique beginning of it', () => {
    assert.equal(parse({ scenario: 'inst' }).scenario, 'install of three titles');
    assert.equal(parse({ scenario: 'import' }).scenario, 'import');
    assert.throws(() => parse({ scenario: 'i' }), /Several scenarios begin with i\. There are/);
    assert.throws(() => parse({ scenario: 'start' }), /No scenario is named start\. There are/);
  });

  it('are refused with the list of allowed words', () => {
    assert.throws(() => parse({ engine: 'xen' }), /--engine is one of: simulator, qemu/);
    assert.throws(() => parse({ fault: 'fire' }), /--fault is one of: kill, power, database/);
    assert.throws(() => parse({ store: 'files' }), /--store is one of: sqlite, postgres/);
    assert.throws(() => parse({ steps: 'all' }), /--steps is one of: every, new, sample/);
    assert.throws(() => parse({ engine: 'simulator', fault: 'power' }), /no power to cut/);
    assert.throws(() => parse({ fault: 'database' }), /Take --store postgres/);
    assert.throws(
      () => parse({ store: 'postgres', engine: 'qemu' }),
      /On PostgreSQL the engine is the simulator/,
    );
  });
});
