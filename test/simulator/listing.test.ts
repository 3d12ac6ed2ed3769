// Lists in each form: tables, JSON, YAML, names, ids and templates.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { startDemo } from './demo.ts';
import { refuses } from './refuses.ts';

describe('a list', () => {
  it('is printed as a table of chosen columns, as JSON, YAML, names, ids or by a template', async (t) => {
    const { run } = await startDemo(t);
    for (const name of ['B 2', 'A', 'B 10'])
      assert.equal((await run('image', 'install', 'htop', '--name', name)).code, 0);
    const list = async (...args: string[]) => {
      const { code, out, err } = await run('image', 'list', ...args);
      assert.equal(code, 0, err);
      return out;
    };
    assert.equal(
      await list('--columns', 'name,id,protected', '--sort', 'name'),
      'NAME  ID  PROTECTED\nA     2   false\nB 2   1   false\nB 10  3   false\n',
    );
    assert.equal(await list('--output', 'name', '--sort', '-name'), 'B 10\nB 2\nA\n');
    assert.equal(await list('-o', 'name', '--sort', 'created_at'), 'B 2\nA\nB 10\n');
    assert.equal(await list('--quiet'), '3\n2\n1\n');
    assert.equal(
      await list('--template', '{{id}}:{{ name }}\\t{{status}}', '--sort', 'id').then(
        (out) => out.split('\n')[0],
      ),
      '1:B 2\tavailable',
    );
    assert.match(await list('--template', '{{softwares}}'), /^\[\{"id":"4"/);
    const json = JSON.parse(await list('--json', '--sort', 'id'));
    assert.deepEqual(
      json.images.map((one: { id: string }) => one.id),
      ['1', '2', '3'],
    );
    const yaml = parse(await list('-o', 'yaml', '--sort', 'id'));
    assert.deepEqual([yaml.count, yaml.images], [3, json.images]);
    assert.deepEqual(
      JSON.parse(await list('-o', 'json', '--all', '--sort', 'id')).images,
      json.images,
    );
    assert.equal(await list('--search', 'nothing', '--quiet'), '');
  });

  it('of every noun has these forms, also the lists of the operator', async (t) => {
    const { run } = await startDemo(t);
    await run('image', 'install', 'htop', '--name', 'A');
    for (const noun of [
      ...['image', 'machine', 'software', 'base', 'machine-type', 'organisation', 'key'],
      ...['layer', 'cache', 'audit', 'base --local', 'software --local', 'machine-type --local'],
    ]) {
      const [word = '', ...flags] = noun.split(' ');
      for (const form of [['--quiet'], ['-o', 'name'], ['-o', 'yaml'], ['--template', '{{id}}']]) {
        const { code, out, err } = await run(word, 'list', ...flags, ...form);
        assert.equal(code, 0, `${noun} ${form.join(' ')}: ${err}`);
        assert.match(out, /\w/, noun);
        assert.doesNotMatch(out, /undefined|\[object/, noun);
      }
    }
  });

  it('refuses a column, a field and a form that there is not, with those that there are', async (t) => {
    const { runIn, run } = await startDemo(t);
    await run('image', 'install', '--name', 'A');
    const list = (...args: string[]) => ['image', 'list', ...args];
    await refuses(runIn, [
      [list('--columns', 'nmae'), /no column "nmae"\. Did you mean "name"\? There are: id, name/],
      [list('--sort', '-nmae'), /no column "nmae"/],
      [list('--template', '{{nmae}}'), /no field "nmae"\. Did you mean "name"\?/],
      [list('--template', '{{constructor}}'), /no field "constructor"/],
      [list('--output', 'template'), /--template '\{\{id\}\}/],
      [list('--output', 'xml'), /--output.*table, json, yaml, name, template/],
      [list('--quiet', '--json'), /--json.*--quiet|--quiet.*--json/],
      [list('--template', '{{id}}', '--output', 'json'), /exclude each other/],
    ]);
  });

  it('never sends a control character from a name to the terminal', async (t) => {
    const { run } = await startDemo(t);
    const failed = await run('image', 'install', 'Fails on purpose', '--name', 'Broken');
    assert.equal(failed.code, 1);
    for (const form of [
      ['--template', 'a\u001b[2J{{name}}'],
      ['--columns', 'name'],
    ]) {
      const { out } = await run('image', 'list', ...form);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
      assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });
});
