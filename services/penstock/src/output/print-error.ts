import { toGatewayError } from "@penstock/errors";
import type { GatewayError } from "@penstock/errors";

/** What a command ends with: done, refused or failed, wrong usage, nobody answered. */
export const exitCodes = { done: 0, failed: 1, usage: 2, notReachable: 3 } as const;

/** An error as lines for a person, and the exit code that belongs to it. */
export interface PrintedError {
  readonly text: string;
  readonly exitCode: number;
}

/** Renders anything that was thrown; the text of unknown errors is shown, as it is our own. */
export function printError(thrown: unknown, url?: string): PrintedError {
  const error = toGatewayError(thrown);
  if (isUnreached(error)) {
    const where = url === undefined ? "" : ` at ${url}`;
    const sentence =
      url === undefined || "tls" in error.metadata ? error.message : `Nobody answers${where}.`;
    const hint = url === undefined ? "" : " Is it running? `penstock doctor` looks closer.";
    return { text: `penstock: ${sentence}${hint}\n`, exitCode: exitCodes.notReachable };
  }
  const isUnknown = error.reason === "INTERNAL" && error.requestId === undefined;
  const cause = isUnknown && thrown instanceof Error ? thrown.message : error.message;
  const lines = [`penstock: ${cause}${isUnknown ? "" : ` [${error.reason}]`}`, ...details(error)];
  return { text: `${lines.join("\n")}\n`, exitCode: exitCodes.failed };
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
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && networkCodes.has(String(cause.code))) return true;
  }
  return false;
}
