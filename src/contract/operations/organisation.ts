// The rows on what an organisation can use, has, and has done.

import { Type } from 'typebox';
import { UserActionLog, userActionLogQuery } from '../audit.ts';
import { DateTime } from '../envelope.ts';
import { define } from '../operation.ts';
import { CatalogueBaseImage, CatalogueSoftware } from '../software.ts';
import { Usage } from '../usage.ts';

export const organisationOperations = {
  softwareList: define({
    method: 'GET',
    path: '/software',
    tag: 'Software',
    summary: 'List the software that can be installed and the base images',
    permission: 'software:read',
    response: {
      software: Type.Array(CatalogueSoftware),
      base_images: Type.Array(CatalogueBaseImage),
    },
    errors: [],
  }),
  usageGet: define({
    method: 'GET',
    path: '/usage',
    tag: 'Usage',
    summary: 'Show what the organisation has and may have',
    permission: 'images:read',
    response: Usage,
    errors: [],
    extension: true,
  }),
  userActionLogList: define({
    method: 'GET',
    path: '/user-action-logs',
    tag: 'Audit',
    summary: 'List what was done over the API, newest first, at most 1,000 entries',
    permission: 'audit:read',
    query: userActionLogQuery,
    response: {
      logs: Type.Array(UserActionLog),
      count: Type.Integer({ description: 'Number of all matches' }),
      start_date: DateTime('Beginning of the time looked at'),
      end_date: DateTime('Its end'),
    },
    errors: [],
  }),
} as const;
