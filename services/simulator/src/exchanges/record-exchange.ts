import { request as requestHttp } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import type { ExchangeKey } from "./exchange.ts";
import { modelOf } from "./exchange.ts";
import type { ExchangeStore } from "./exchange-store.ts";
import { credentialsOf, redactAnswer } from "./redact-answer.ts";

/** Silence of a vendor after which it is given up. */
const silenceMs = 120_000;
/** Larger answers are handed on, but not kept. */
const maximumAnswerBytes = 16 * 1024 * 1024;
/** Headers that are about a connection, not about what is sent over it. */
const hopHeaders = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "proxy-authorization",
  "proxy-authenticate",
  "host",
  "content-length",
  // An answer that is not compressed can be read, and redacted.
  "accept-encoding",
  "expect",
]);

/** A call that goes to a real vendor. */
export interface RecordedCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly key: ExchangeKey;
  readonly query: string;
  readonly body: Buffer;
  /** Base URL of the vendor, without a slash at its end. */
  readonly upstreamUrl: string;
  readonly store: ExchangeStore;
  readonly now: () => Date;
}

/**
 * Sends the call on with the caller's own credential, hands the answer back as it comes, and keeps
 * it when it is whole. An answer that breaks off breaks off for the caller, too.
 */
export function recordExchange(call: RecordedCall): void {
  const { request, response, key, query, body, upstreamUrl } = call;
  const url = new URL(`${upstreamUrl}${key.path}${query === "" ? "" : `?${query}`}`);
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  const headers = { ...withoutHop(request.headers), "accept-encoding": "identity" };
  const upstream = send(url, { method: key.method, headers, timeout: silenceMs });
  response.on("close", () => upstream.destroy());
  upstream.on("timeout", () => upstream.destroy(new Error("the vendor is silent")));
  upstream.on("error", () => response.destroy());
  upstream.on("response", (answer) => handOn(call, answer));
  upstream.end(body);
}

function handOn(call: RecordedCall, answer: IncomingMessage): void {
  const { response } = call;
  const status = answer.statusCode ?? 502;
  response.writeHead(status, withoutHop(answer.headers));
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  answer.on("data", (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= maximumAnswerBytes) chunks.push(chunk);
    if (response.write(chunk)) return;
    answer.pause();
    response.once("drain", () => answer.resume());
  });
  answer.on("error", () => response.destroy());
  answer.on("end", () => {
    if (sizeBytes <= maximumAnswerBytes) keep(call, answer, Buffer.concat(chunks));
    response.end();
  });
}

function keep(call: RecordedCall, answer: IncomingMessage, body: Buffer): void {
  const { request, key, query, store, now } = call;
  const credentials = credentialsOf(request.headers, query);
  const { statusCode: status = 502, headers } = answer;
  const exchange = { ...key, model: modelOf(call.body), recordTime: now().toISOString() };
  store.add(exchange, redactAnswer({ status, headers, body }, credentials));
}

function withoutHop(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !hopHeaders.has(name));
  return Object.fromEntries(kept);
}
