// The catalogue, for operators on the wire: bases and software are listed, added and changed.

import { Type } from 'typebox';
import { baseBody, baseParams, healBody, ListedBase, shownBase } from './base.ts';
import { errandFields } from './errand.ts';
import { defineOperator } from './operation.ts';
import { Software, softwareBody, softwareParams } from './software.ts';

export const catalogueOperations = {
  baseList: defineOperator({
    method: 'GET',
    path: '/operator/bases',
    summary: 'List the base images: how each boots, and whether it works',
    response: { bases: Type.Array(ListedBase) },
    errors: [],
  }),
  baseGet: defineOperator({
    method: 'GET',
    path: '/operator/bases/{id}',
    summary: 'Show a base image, and what is known against it',
    params: baseParams,
    response: shownBase,
    errors: ['not_found'],
  }),
  baseAdd: defineOperator({
    method: 'POST',
    path: '/operator/bases',
    summary: 'Begin to add a base image of files that were sent; it is not tried',
    body: baseBody,
    response: errandFields,
    errors: ['conflict'],
  }),
  baseTry: defineOperator({
    method: 'POST',
    path: '/operator/bases/{id}/try',
    summary: 'Begin to try whether a build machine on a base image works',
    params: baseParams,
    body: Type.Object({
      timeout_seconds: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 3600, description: 'Its limit. Default: 300' }),
      ),
    }),
    response: errandFields,
    errors: [],
  }),
  baseHeal: defineOperator({
    method: 'POST',
    path: '/operator/bases/{id}/heal',
    summary: 'Begin to give a damaged base image its bytes back, from the file that it came from',
    params: baseParams,
    body: healBody,
    response: errandFields,
    errors: ['conflict'],
  }),
  softwareList: defineOperator({
    method: 'GET',
    path: '/operator/software',
    summary: 'List the titles with their recipes',
    response: { software: Type.Array(Software) },
    errors: [],
  }),
  softwareAdd: defineOperator({
    method: 'POST',
    path: '/operator/software',
    summary: 'Begin to add a title, whose files were sent',
    body: softwareBody,
    response: errandFields,
    errors: ['conflict'],
  }),
  softwareUpdate: defineOperator({
    method: 'POST',
    path: '/operator/software/{id}',
    summary: 'Begin to give a title another recipe; existing images stay as they are',
    params: softwareParams,
    body: softwareBody,
    response: errandFields,
    errors: ['conflict'],
  }),
} as const;
