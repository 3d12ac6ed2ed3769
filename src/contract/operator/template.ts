// Templates of images, for operators on the wire.

import { Type } from 'typebox';
import type { ImageId, MachineTypeId, TemplateId } from '../../domain/ids.ts';
import { DateTime, Enum, Id, NullableDateTime, NullableString } from '../envelope.ts';
import { nothing } from '../operation.ts';
import { defineOperator } from './operation.ts';

const Template = Type.Object({
  id: Type.String(),
  name: NullableString('The image or base that it is for; null when none is left'),
  layer_id: Type.String({ description: 'The head of the chain of that image' }),
  cpus: Type.Integer({ description: 'Of the machines that it fits' }),
  memory_mb: Type.Integer({ description: 'Of the machines that it fits' }),
  disk_size_gb: Type.Integer({ description: 'Of the machines that it fits' }),
  state: Enum(['making', 'ready', 'failed', 'deleting'], 'Whether machines start from it'),
  phase: NullableString('What its making does now'),
  reason: NullableString('Why it failed, or is removed'),
  failures: Type.Integer({ description: 'In a row' }),
  tries_again_at: NullableDateTime('When it is tried again'),
  fingerprint: Type.String({ description: 'Of what runs the machines' }),
  result_layer_id: NullableString('The layer on which the disks of its machines stand'),
  bytes: Type.Integer({ description: 'Of its files and its layer' }),
  state_bytes: Type.Integer({ description: 'Of the state of the devices' }),
  memory_bytes: Type.Integer({ description: 'Of the memory' }),
  state_sha256: NullableString('Digest of the state'),
  memory_sha256: NullableString('Digest of the memory'),
  created_at: DateTime('When it was asked for'),
  made_at: NullableDateTime('When it became ready'),
  last_used_at: NullableDateTime('When a machine last started from it, to a minute'),
  verified_at: NullableDateTime('When its files last had their digests'),
  deleting_at: NullableDateTime('Since when it is being removed'),
});

const params = Type.Object({
  id: Type.Unsafe<TemplateId>({
    type: 'string',
    pattern: '^[\\w-]{1,64}$',
    description: 'ID of the template',
  }),
});

export const templateOperations = {
  templateList: defineOperator({
    method: 'GET',
    path: '/operator/templates',
    summary: 'List the templates of images, from whose memory machines start at once',
    response: { templates: Type.Array(Template) },
    errors: [],
  }),
  templateMake: defineOperator({
    method: 'POST',
    path: '/operator/templates',
    summary: 'Ask for the templates of an image',
    body: Type.Object({
      image_id: Id<ImageId>('Of any organisation'),
      machine_type_id: Type.Optional(
        Id<MachineTypeId>('Whose size it fits. Default: those of all machines of the organisation'),
      ),
    }),
    response: {
      templates: Type.Array(Template, { description: 'Also those that there are already' }),
    },
    errors: ['not_found'],
  }),
  templateDelete: defineOperator({
    method: 'DELETE',
    path: '/operator/templates/{id}',
    summary: 'Remove a template; one that is wanted is made again',
    params,
    response: nothing,
    errors: ['not_found'],
  }),
} as const;
