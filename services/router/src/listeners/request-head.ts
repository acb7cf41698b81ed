import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { GatewayError } from "@penstock/errors";
import { differingValues } from "@penstock/rpc";
import { bearerToken } from "./bearer-token.ts";
import { keepaliveProblem } from "./keepalive-header.ts";

/** Where a caller says how long it waits. Unit: milliseconds. */
const timeoutHeader = "x-penstock-timeout-ms";
/** Longest time a caller may give (decisions §4: the request timer). */
const maximumTimeoutMs = 900_000;

/** The secret of a request, as `bearerToken` reads it. */
export function tokenOf(headers: IncomingHttpHeaders): string {
  return bearerToken(headers.authorization, headers["x-api-key"], headers["api-key"]);
}

/** NaN when it can't be read; `badHead` has refused such a request by then. */
export function timeoutOf(headers: IncomingHttpHeaders): number {
  const given = headers[timeoutHeader];
  return given === undefined ? maximumTimeoutMs : Math.min(Number(given), maximumTimeoutMs);
}

/** Things Node lets through that have been used against gateways (security R6). */
export function badHead(request: IncomingMessage): GatewayError | undefined {
  const { headers, rawHeaders } = request;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  if (differingValues(rawHeaders, "authorization")) {
    const message = "The request has two Authorization headers that differ; send one.";
    const fieldViolations = [{ field: "authorization", description: "is there twice" }];
    return new GatewayError("FIELD_INVALID", message, { fieldViolations });
  }
  if (hosts > 1) return new GatewayError("FIELD_INVALID", "The request has two Host headers.");
  const wrong = wrongValue(headers);
  if (wrong !== undefined) return wrong;
  if (!(request.url ?? "").startsWith("/")) {
    return new GatewayError("FIELD_INVALID", "The request target must be a path.");
  }
  return undefined;
}

/** What is wrong with the values of our own headers. */
export function wrongValue(headers: IncomingHttpHeaders): GatewayError | undefined {
  const timeout = headers[timeoutHeader];
  if (timeout !== undefined && !/^[1-9]\d{0,8}$/.test(String(timeout))) {
    return new GatewayError("FIELD_INVALID", "The time that the request allows can't be read.", {
      fieldViolations: [{ field: timeoutHeader, description: "must be a number of milliseconds" }],
    });
  }
  return keepaliveProblem(headers);
}
