// Sends spans to an endpoint of OpenTelemetry (OTLP over HTTP, as JSON). Its packages are loaded
// only here, and only when an endpoint is set, because a server without one should start fast.
//
// The spans that wait to be sent are bounded in number, in size and in time, and others are
// dropped: an endpoint that hangs or is away costs the server a fixed amount of memory, and no
// request waits for it.

import type { Context, SpanContext } from '@opentelemetry/api';
import { atMostEvery } from '../lib/at-most-every.ts';
import type { Log } from '../lib/log.ts';
import { noTracer, type Tracer } from '../lib/trace.ts';
import { within } from '../lib/within.ts';
import type { TraceConfig } from './trace-options.ts';

/** At most so often the log says that traces are lost. */
const tellEveryMs = 60_000;

export const tracingLimits = {
  /** Ended spans that wait; further ones are dropped. */
  spansWaiting: 2048,
  spansPerBatch: 256,
  /**
   * Batches that are under way at once; further ones are dropped. All that waits fits into them.
   */
  batches: 8,
  batchEveryMs: 2000,
  batchMs: 3000,
  /** How long the end of a server waits for the last spans. */
  closeMs: 1000,
  attributeCharacters: 256,
};

interface Tracing {
  tracer: Tracer;
  /** Sends what waits, for a moment, and gives up the rest. */
  close(): Promise<void>;
}

/** `log` is asked for when spans were lost, because it is made later. */
export async function openTracing(config: TraceConfig | null, log: () => Log): Promise<Tracing> {
  if (config === null) return { tracer: noTracer, close: async () => {} };
  const [api, core, sdk, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  let lastError: unknown;
  const tell = atMostEvery(tellEveryMs, async () =>
    log().warn({ err: lastError }, 'traces could not be sent; they are lost'),
  );
  core.setGlobalErrorHandler((error) => {
    lastError = error;
    void tell();
  });
  const limits = tracingLimits;
  let agent: { destroy(): void } | null = null;
  const processor = new sdk.BatchSpanProcessor({
    exporter: new OTLPTraceExporter({
      url: `${config.endpoint.replace(/\/+$/, '')}/v1/traces`,
      headers: { ...config.headers },
      timeoutMillis: limits.batchMs,
      concurrencyLimit: limits.batches,
      async httpAgentOptions(protocol) {
        const { Agent } = await (protocol === 'https:'
          ? import('node:https')
          : import('node:http'));
        const made = new Agent({ keepAlive: true, maxSockets: limits.batches });
        agent = made;
        return made;
      },
    }),
    maxQueueSize: limits.spansWaiting,
    maxExportBatchSize: limits.spansPerBatch,
    scheduledDelayMillis: limits.batchEveryMs,
    exportTimeoutMillis: limits.batchMs,
  });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'silversmith' }),
    // A caller whose own trace is not sampled gets no spans.
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanLimits: { attributeValueLengthLimit: limits.attributeCharacters },
    spanProcessors: [processor],
  });
  const spans = provider.getTracer('silversmith');
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const kinds = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, client: SpanKind.CLIENT };
  const below = (parent: string | undefined): Context => {
    const given = parent === undefined ? null : core.parseTraceParent(parent);
    return given === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, asRemote(given));
  };
  return {
    tracer: {
      begin({ name, kind, parent, attributes }) {
        const span = spans.startSpan(name, { kind: kinds[kind], attributes }, below(parent));
        return {
          traceparent: textOf(span.spanContext()),
          end(more, error) {
            if (more !== undefined) span.setAttributes(more);
            if (error !== undefined)
              span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', error);
            span.end();
          },
        };
      },
    },
    async close() {
      await within(limits.closeMs, provider.shutdown());
      // A request that hangs would keep the process.
      agent?.destroy();
    },
  };
}

const asRemote = (span: SpanContext): SpanContext => ({ ...span, isRemote: true });

const textOf = ({ traceId, spanId, traceFlags }: SpanContext) =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
