import type { IncomingMessage } from "node:http";
import { GatewayError } from "@penstock/errors";
import type { Format } from "@penstock/formats";
import { clientPaths, closestFormat, methodsOf, servedEndpoints } from "./http-endpoints.ts";

/** The answer to a request for which there is no endpoint. */
export interface NotServed {
  readonly error: GatewayError;
  /** Of the path that was meant, if there is one. */
  readonly format: Format;
  /** Headers besides those of every error, flat. */
  readonly headers: readonly string[];
  /** Absent: that of the error's reason. */
  readonly status?: number;
}

/** Longest path that is repeated to its caller. */
const shownCharacters = 200;

/** Says what was wrong about method, path or protocol, and what was probably meant. */
export function notServed(request: IncomingMessage): NotServed {
  const { method = "", headers } = request;
  const path = pathOf(request);
  const methods = methodsOf(path);
  if (wantsWebSocket(request)) return refuseUpgrade(path, closestFormat(path, headers));
  if (methods.length > 0) {
    const allowed = methods.join(", ");
    const message = `${method} ${shown(path)} is not served: the method must be ${allowed}.`;
    const error = new GatewayError("METHOD_NOT_ALLOWED", message);
    return { error, format: closestFormat(path, headers), headers: ["allow", allowed] };
  }
  const meant = meantPath(path);
  const hint = meant === undefined ? `Served are: ${servedEndpoints}.` : hintOf(meant);
  const message = `${method} ${shown(path)} is not served here. ${hint}`;
  const error = new GatewayError("ENDPOINT_NOT_FOUND", message);
  return { error, format: closestFormat(meant ?? path, headers), headers: [] };
}

/** What would need an answer that was stored. */
export function nothingStored(request: IncomingMessage): GatewayError {
  return new GatewayError(
    "ENDPOINT_NOT_FOUND",
    `${request.method ?? ""} ${shown(pathOf(request))} is not served: Penstock keeps no answers. ` +
      "Send the whole conversation in input of POST /v1/responses.",
  );
}

/** Base URLs are written with `/v1` or without it, twice, or behind what another product has. */
function meantPath(path: string): string | undefined {
  const plain = path.replaceAll(/\/{2,}/g, "/").replace(/\/$/, "");
  const ending = clientPaths.find((served) => plain.endsWith(served.slice("/v1".length)));
  if (ending !== undefined) return ending;
  const model = /\/models\/(.+)$/.exec(plain)?.[1];
  const models = `/v1/models/${model}`;
  return model !== undefined && methodsOf(models).length > 0 ? models : undefined;
}

function hintOf(path: string): string {
  const base = path.startsWith("/v1/messages")
    ? "Clients of Anthropic want a base URL without /v1."
    : "Clients of OpenAI want a base URL that ends with /v1, once.";
  return `Probably meant is ${methodsOf(path).join(", ")} ${shown(path)}. ${base}`;
}

/** Others that name an upgrade, as Java's clients do with h2c, go on without it by themselves. */
function wantsWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * A caller that asks for a WebSocket, as Codex does behind its own provider, goes on in plain HTTP at
 * once by this status; by any other it tries again and again.
 */
function refuseUpgrade(path: string, format: Format): NotServed {
  const message =
    "WebSockets are not served. Send " +
    (methodsOf(path).includes("POST") ? `POST ${path}` : "POST /v1/responses") +
    ' over HTTP, with `"stream": true` for an answer that comes as server-sent events.';
  const error = new GatewayError("ENDPOINT_NOT_FOUND", message);
  const headers = ["upgrade", "HTTP/1.1", "connection", "upgrade"];
  return { error, format, headers, status: 426 };
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "";
}

function shown(path: string): string {
  return path.slice(0, shownCharacters);
}
