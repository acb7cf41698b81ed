import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Takes spans by OTLP (protobuf over HTTP) and only counts them. */
export interface OtlpCounter {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** Server spans received, by name. */
  readonly serverSpans: ReadonlyMap<string, number>;
  close(): void;
}

// Field numbers of opentelemetry.proto.trace.v1: request → resource spans → scope spans → span.
const resourceSpansField = 1;
const scopeSpansField = 2;
const spanField = 2;
const spanNameField = 5;
const spanKindField = 6;
const serverKind = 2;

/** Starts the counter on a free port. */
export async function startOtlpCounter(): Promise<OtlpCounter> {
  const serverSpans = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      countSpans(Buffer.concat(chunks), serverSpans);
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    serverSpans,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function countSpans(body: Buffer, counts: Map<string, number>): void {
  for (const resourceSpans of messages(body, resourceSpansField)) {
    for (const scopeSpans of messages(resourceSpans, scopeSpansField)) {
      for (const span of messages(scopeSpans, spanField)) countSpan(span, counts);
    }
  }
}

function countSpan(span: Buffer, counts: Map<string, number>): void {
  let isServer = false;
  let name = "";
  for (const field of fields(span)) {
    if (field.number === spanKindField) isServer = field.value === serverKind;
    if (field.number === spanNameField) name = field.bytes.toString();
  }
  if (isServer) counts.set(name, (counts.get(name) ?? 0) + 1);
}

function messages(body: Buffer, number: number): Buffer[] {
  return [...fields(body)].filter((field) => field.number === number).map(({ bytes }) => bytes);
}

interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Buffer;
}

const none = Buffer.alloc(0);

function* fields(body: Buffer): Generator<Field> {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = body[position++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (position < body.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (wireType === 0) yield { number, value: varint(), bytes: none };
    else {
      const length = wireType === 2 ? varint() : wireType === 1 ? 8 : 4;
      yield { number, value: 0, bytes: body.subarray(position, position + length) };
      position += length;
    }
  }
}
