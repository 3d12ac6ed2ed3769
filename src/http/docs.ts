// The API's description, for programs and for people.

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openApiDocument } from '../contract/print/openapi.ts';
import { olderOpenApiDocument } from '../contract/print/openapi-3-0.ts';

const document = openApiDocument();
const olderDocument = olderOpenApiDocument(document);

/** Answers /openapi.json, /openapi-3.0.json and /docs. */
export function docsRoutes(app: FastifyInstance): void {
  app.get('/openapi.json', async () => document);
  app.get('/openapi-3.0.json', async () => olderDocument);
  app.register(swagger, { mode: 'static', specification: { document: document as never } });
  app.register(swaggerUi, {
    routePrefix: '/docs',
    // The page signs nothing, so it offers no calls. Its policy lets it load nothing from
    // elsewhere.
    uiConfig: {
      supportedSubmitMethods: [],
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
      layout: 'BaseLayout',
    },
    staticCSP: true,
    theme: {
      title: 'Silversmith: the API',
      css: [
        {
          filename: 'silversmith.css',
          content: '.scheme-container, .authorization__btn { display: none }',
        },
      ],
    },
  });
}
