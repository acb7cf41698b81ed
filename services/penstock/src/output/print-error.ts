import { toGatewayError } from "@penstock/errors";
import type { GatewayError } from "@penstock/errors";
import { CommandError, exitCodes } from "./command-error.ts";
import type { ErrorObject } from "./error-object.ts";
import { errorObject } from "./error-object.ts";

/** An error as lines for a person, as an object for programs, and the exit code that belongs to it. */
export interface PrintedError {
  readonly text: string;
  readonly object: ErrorObject;
  readonly exitCode: number;
}

/** Renders anything that was thrown; the text of unknown errors is shown, as it is our own. */
export function printError(thrown: unknown, url?: string): PrintedError {
  const error = toGatewayError(thrown);
  if (error instanceof CommandError) {
    return printed(error, { message: error.message, exitCode: error.exitCode });
  }
  if (isUnreached(error)) {
    const where = url === undefined ? "" : ` at ${url}`;
    const sentence =
      url === undefined || "tls" in error.metadata ? error.message : `Nobody answers${where}.`;
    const hint = url === undefined ? "" : " Is it running? `penstock doctor` looks closer.";
    return printed(error, { message: sentence + hint, exitCode: exitCodes.notReachable });
  }
  if (isNoHttp2(error)) {
    const who = url === undefined ? "What answers" : `What answers at ${url}`;
    const message = `${who} does not speak HTTP/2. Is it Penstock, and the right port of it?`;
    return printed(error, { message, exitCode: exitCodes.failed });
  }
  const isUnknown = error.reason === "INTERNAL" && error.requestId === undefined;
  const message = isUnknown && thrown instanceof Error ? thrown.message : error.message;
  // What a service finds wrong has the id of its request; without one, a flag or a setting is.
  const isOurs = error.reason === "FIELD_INVALID" && error.requestId === undefined;
  const exitCode = isOurs ? exitCodes.usage : exitCodes.failed;
  const suffix = isUnknown ? "" : ` [${error.reason}]`;
  return printed(error, { message, exitCode, suffix, lines: details(error) });
}

interface Wording {
  readonly message: string;
  readonly exitCode: number;
  readonly suffix?: string;
  readonly lines?: readonly string[];
}

function printed(
  error: GatewayError,
  { message, exitCode, suffix = "", lines = [] }: Wording,
): PrintedError {
  const text = [`penstock: ${message}${suffix}`, ...lines, ""].join("\n");
  return { text, object: errorObject(error, message, exitCode), exitCode };
}

function details(error: GatewayError): string[] {
  // Messages about one or two fields say it all already.
  const lines = error.fieldViolations
    .filter(({ description }) => !error.message.includes(description))
    .map(({ field, description }) => `  ${field} ${description}`);
  for (const violation of error.preconditionViolations) {
    lines.push(`  ${violation.subject}: ${violation.description}`);
  }
  for (const violation of error.quotaViolations) {
    lines.push(`  ${violation.subject}: ${violation.description}`);
  }
  if (error.retryAfterMs !== undefined) {
    lines.push(`  try again in ${Math.ceil(error.retryAfterMs / 1000)} s`);
  }
  if (error.requestId !== undefined && error.requestId !== "") {
    lines.push(`  request ${error.requestId}`);
  }
  return lines;
}

const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EPIPE",
]);

/** A service that answers gives its errors a request id; a network or a stranger does not. */
function isUnreached(error: GatewayError): boolean {
  if (error.requestId !== undefined && error.requestId !== "") return false;
  if (error.reason === "UNAVAILABLE" || error.reason === "DEADLINE_EXCEEDED") return true;
  return codesOf(error).some((code) => networkCodes.has(code));
}

/** What has the protocol wrong from its first bytes, such as a server of HTTP/1.1. */
function isNoHttp2(error: GatewayError): boolean {
  if (error.requestId !== undefined && error.requestId !== "") return false;
  return codesOf(error).includes("ERR_HTTP2_ERROR");
}

function codesOf(error: GatewayError): string[] {
  const codes: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause) codes.push(String(cause.code));
  }
  return codes;
}
