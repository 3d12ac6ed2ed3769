// The OpenAPI documents as generators of clients need them: they can replace the specification's
// document, and they mark our own additions.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import type { OperationSpec } from '../../src/contract/operation.ts';
import { operatorOperationNames, operatorSpecOf } from '../../src/contract/operator/table.ts';
import { openApiDocument } from '../../src/contract/print/openapi.ts';
import { olderOpenApiDocument } from '../../src/contract/print/openapi-3-0.ts';
import { operations } from '../../src/contract/table.ts';
import { startHarness } from './harness.ts';

// biome-ignore lint/suspicious/noExplicitAny: the documents are looked into everywhere
type Json = any;

const documents: [string, Json][] = [
  ['/openapi.json', openApiDocument()],
  ['/openapi-3.0.json', olderOpenApiDocument()],
];

/** Every object in a document. */
function* objectsIn(value: Json): Generator<Json> {
  if (value === null || typeof value !== 'object') return;
  if (!Array.isArray(value)) yield value;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

const parameterOf = (document: Json, { $ref, ...own }: Json): Json =>
  $ref ? document.components.parameters[$ref.split('/').at(-1)] : own;

for (const [address, document] of documents) {
  describe(`the document at ${address}`, () => {
    it('is served there, with its paths under the prefix', async (t) => {
      const h = await startHarness(t, { reconcile: false });
      const answer = await h.service.app.inject({ method: 'GET', url: address });
      assert.deepEqual(answer.json(), JSON.parse(JSON.stringify(document)));
      assert.deepEqual(document.servers, [{ url: pathPrefix }]);
      assert.deepEqual(
        Object.keys(document.paths).filter((path) => path.startsWith(pathPrefix)),
        [],
      );
    });

    it('names schemas as the specification does, and has no names for operations and bodies', () => {
      const { schemas } = document.components;
      const errors = [400, 404, 4208, 4209, 4210, 4211, 4212, 4213, 4214, 4510, 4710];
      for (const name of [
        ...[
          'ListImagesResponse',
          'CreateImageResponse',
          'SuccessResponse',
          'BaseResponse',
          'ErrorResponse',
        ],
        ...['Image', 'ImageAttributes', 'SoftwareData', 'Software'],
        ...errors.map((code) => `Error${code}Response`),
      ])
        assert.ok(schemas[name], name);
      const ok = (path: string, method: string) =>
        document.paths[path][method].responses[200].content['application/json'].schema.$ref
          .split('/')
          .at(-1);
      assert.deepEqual(
        [ok('/images', 'get'), ok('/images', 'post'), ok('/images/install', 'post')],
        ['ListImagesResponse', 'CreateImageResponse', 'CreateImageResponse'],
      );
      assert.deepEqual(
        [ok('/images/{id}/assign', 'post'), ok('/images/{id}', 'delete')],
        Array(2).fill('SuccessResponse'),
      );
      for (const { operationId, requestBody } of objectsIn(document.paths)) {
        assert.equal(operationId, undefined);
        if (requestBody)
          assert.equal(requestBody.content['application/json']?.schema.$ref, undefined);
      }
    });

    it('has each schema and parameter that it refers to', () => {
      for (const { $ref } of objectsIn(document)) {
        if ($ref === undefined) continue;
        const [, ...path] = $ref.split('/');
        assert.ok(
          path.reduce((at: Json, key: string) => at?.[key], document),
          $ref,
        );
      }
    });

    it('marks our own operations, parameters and fields, and requires none of the fields', () => {
      const marked = Object.values(document.paths).flatMap((path) =>
        Object.values(path as Json).map((one: Json) => [
          one['x-operation'],
          one['x-extension'] === true,
        ]),
      );
      assert.deepEqual(
        marked,
        [
          ...Object.entries<OperationSpec>(operations),
          ...operatorOperationNames.map(
            (name) => [`operator.${name}`, operatorSpecOf(name)] as const,
          ),
        ]
          .map(([name, { extension }]) => [name, extension === true])
          .sort(
            // Sorted as in the document, which keeps the methods of a path together.
            ([a], [b]) =>
              marked.findIndex(([name]) => name === a) - marked.findIndex(([name]) => name === b),
          ),
      );
      const ours = (path: string, method: string) =>
        document.paths[path][method].parameters
          .map((one: Json) => parameterOf(document, one))
          .filter((one: Json) => one['x-extension'])
          .map((one: Json) => one.name);
      assert.deepEqual(ours('/images', 'get'), ['before', 'deleted', 'Silversmith-Extensions']);
      assert.deepEqual(ours('/images', 'post'), ['Idempotency-Key', 'Silversmith-Extensions']);
      assert.deepEqual(ours('/images/{id}', 'delete'), ['Idempotency-Key']);
      assert.deepEqual(ours('/software', 'get'), ['Silversmith-Extensions']);
      const fields = (name: string) => {
        const { properties, required } = document.components.schemas[name];
        const names = Object.keys(properties).filter((field) => properties[field]['x-extension']);
        assert.deepEqual(
          names.filter((field) => required.includes(field)),
          [],
        );
        return names;
      };
      assert.deepEqual(fields('ImageAttributes'), [
        'status_reason',
        'progress',
        'protected',
        'deleted_at',
        'phase',
        'base_id',
        'base_name',
        'base_version',
        'templates',
      ]);
      assert.deepEqual(fields('MachineAttributes'), [
        'status_reason',
        'assignment_pending',
        'phase',
        'deleted_at',
        'cpus',
        'memory_mb',
        'addresses',
        'network',
        'crash_policy',
        'restarts_at',
        'place',
        'started',
        'root_system',
      ]);
      const capture = document.paths['/images'].post.requestBody.content['application/json'].schema;
      assert.equal(capture.properties.generalize['x-extension'], true);
    });
  });
}

describe('the document for generators that know no 3.1', () => {
  it('says nullable where the other document has a type of null', () => {
    const [, document] = documents[1] ?? [];
    assert.match(document.openapi, /^3\.0\./);
    for (const schema of objectsIn(document.components.schemas)) {
      assert.ok(!Array.isArray(schema.type) && schema.type !== 'null', JSON.stringify(schema));
      assert.ok(
        !('nullable' in schema) || 'type' in schema || 'allOf' in schema,
        JSON.stringify(schema),
      );
    }
    const { properties } = document.components.schemas.MachineAttributes;
    assert.deepEqual(properties.region, { type: 'string', nullable: true, description: 'Region' });
    assert.deepEqual(properties.user, {
      allOf: [{ $ref: '#/components/schemas/User' }],
      nullable: true,
    });
    assert.equal(properties.task.nullable, true);
  });
});
