import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ReceivedSpan } from "@penstock/test-support";

/** A place that answers like Jaeger's query API, with spans that others have received. */
export interface FakeJaeger {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Answers `/api/services`, `/api/traces/{id}` and `/api/traces?service=…` in the shape that Jaeger
 * 1.76 and 2.13 give (its `uimodel`): parents and links are both references, kinds and errors are
 * tags, services are processes. It is a fake: it shows what our side makes of such answers.
 */
export async function startFakeJaeger(spans: () => readonly ReceivedSpan[]): Promise<FakeJaeger> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://jaeger");
    const answer = answerTo(url, spans());
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    const errors = [{ code: 404, msg: "trace not found" }];
    const data = answer ?? null;
    response.end(
      JSON.stringify({ data, total: 0, limit: 0, offset: 0, errors: data ? null : errors }),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function answerTo(url: URL, spans: readonly ReceivedSpan[]): unknown[] | undefined {
  if (url.pathname === "/api/services") return [...new Set(spans.map(({ service }) => service))];
  if (url.pathname === "/api/traces") {
    const service = url.searchParams.get("service");
    const own = spans.filter(
      (span) => span.service === service && isWithin(span, url.searchParams),
    );
    const ids = [...new Set(own.map(({ traceId }) => traceId))];
    const limit = Number(url.searchParams.get("limit") ?? 20);
    return ids.slice(0, limit).map((id) => traceOf(id, spans));
  }
  const id = /^\/api\/traces\/([0-9a-f]+)$/.exec(url.pathname)?.[1];
  if (id === undefined || !spans.some(({ traceId }) => traceId === id)) return undefined;
  return [traceOf(id, spans)];
}

function isWithin({ startMs }: ReceivedSpan, query: URLSearchParams): boolean {
  const micros = startMs * 1_000;
  return micros >= Number(query.get("start")) && micros <= Number(query.get("end"));
}

function traceOf(id: string, all: readonly ReceivedSpan[]): unknown {
  const spans = all.filter(({ traceId }) => traceId === id);
  const services = [...new Set(spans.map(({ service }) => service))];
  const processOf = (service: string): string => `p${services.indexOf(service) + 1}`;
  return {
    traceID: id,
    spans: spans.map((span) => ({
      traceID: span.traceId,
      spanID: span.spanId,
      operationName: span.name,
      references: referencesOf(span),
      startTime: Math.round(span.startMs * 1_000),
      duration: Math.round((span.endMs - span.startMs) * 1_000),
      tags: tagsOf(span),
      logs: [],
      processID: processOf(span.service),
      warnings: null,
    })),
    processes: Object.fromEntries(
      services.map((serviceName) => [processOf(serviceName), { serviceName, tags: [] }]),
    ),
    warnings: null,
  };
}

function referencesOf({ traceId, parentSpanId, links }: ReceivedSpan): unknown[] {
  const parent = { refType: "CHILD_OF", traceID: traceId, spanID: parentSpanId };
  const others = links.map((link) => ({
    refType: "FOLLOWS_FROM",
    traceID: link.traceId,
    spanID: link.spanId,
  }));
  return parentSpanId === undefined ? others : [parent, ...others];
}

function tagsOf({ kind, status }: ReceivedSpan): unknown[] {
  const tags: unknown[] = [{ key: "span.kind", type: "string", value: kind }];
  if (status === "error") tags.push({ key: "error", type: "bool", value: true });
  return tags;
}
