import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "@penstock/errors";

/** Where a caller says after which gap a quiet stream carries a comment; 0: never. */
const keepaliveHeader = "x-penstock-keepalive-ms";
const shortestMs = 1_000;
const longestMs = 60_000;

/** What the request says; undefined: nothing. To be asked after `keepaliveProblem`. */
export function keepaliveOf(headers: IncomingHttpHeaders): number | undefined {
  const given = headers[keepaliveHeader];
  return given === undefined ? undefined : Number(given);
}

/** What is wrong with what the request says. */
export function keepaliveProblem(headers: IncomingHttpHeaders): GatewayError | undefined {
  const given = headers[keepaliveHeader];
  if (given === undefined || isInterval(String(given))) return undefined;
  return new GatewayError("FIELD_INVALID", "The gap of keep-alives can't be read.", {
    fieldViolations: [
      { field: keepaliveHeader, description: `must be ${shortestMs} to ${longestMs}, or 0` },
    ],
  });
}

function isInterval(text: string): boolean {
  if (!/^(0|[1-9]\d{3,4})$/.test(text)) return false;
  return Number(text) === 0 || Number(text) <= longestMs;
}
