// Sends requests by the fetch of the runtime, and reads its answers within bounds.

/** An answer as the client reads it: what it uses of a Response. */
export interface Reply {
  ok: boolean;
  status: number;
  headers: { get(name: string): string | null };
  body: AsyncIterable<Uint8Array> | null;
  text(): Promise<string>;
}

/** A request as the client sends it: what it uses of a RequestInit. */
export interface Sending {
  method: string;
  headers: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  signal?: AbortSignal;
  redirect: 'manual';
}

/** The longest answer that is read as text: more than any page of the API has. */
const textBytesMax = 64 * 1024 * 1024;

/** The pieces of a body. Safari cannot iterate a stream itself. */
async function* pieces(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    // A stream that failed refuses the cancellation too, for the reason that was thrown already.
    await reader.cancel().catch(() => {});
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > textBytesMax) throw new Error(`the answer is longer than ${textBytesMax} bytes`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

export async function webFetch(url: URL, sending: Sending): Promise<Reply> {
  const { ok, status, headers, body } = await fetch(url, sending);
  const content = body === null ? null : pieces(body);
  return {
    ok,
    status,
    headers,
    body: content,
    text: async () => (content === null ? '' : textOf(content)),
  };
}
