// Traces as the rooms see them. A span is named by its `traceparent`, the text of the W3C's trace
// context: it comes with a request, is kept with the jobs that the request asks for, and names the
// parent of each span. So a trace goes on after a restart, and on another server.
//
// Attributes are ids, kinds, states and codes. They are never names, texts or addresses of callers,
// because a trace leaves the host.

export type Attributes = Readonly<Record<string, string | number>>;

interface SpanStart {
  name: string;
  /** `server`: a request of a caller; `consumer`: work that was queued; `client`: a call. */
  kind: 'server' | 'consumer' | 'client';
  /** The parent's `traceparent`. Without one, or with one that cannot be read, a trace begins. */
  parent: string | undefined;
  attributes: Attributes;
}

export interface Span {
  readonly traceparent: string;
  /** Ends the span; `error` is a code, and never a message. Without a call it is never sent. */
  end(attributes?: Attributes, error?: string): void;
}

export interface Tracer {
  /** Returns at once; null when nothing is traced. */
  begin(span: SpanStart): Span | null;
}

export const noTracer: Tracer = { begin: () => null };
