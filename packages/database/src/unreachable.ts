import { GatewayError } from "@penstock/errors";
import { sqlStateOf } from "./sql-state.ts";

/** Why a database can't be used. */
export interface Unreachable {
  /** In one line, with the address; for logs and terminals. */
  readonly cause: string;
  /** SQLSTATE or the code of the network's error; without addresses. */
  readonly code: string;
  /** What people can do. */
  readonly advice: string;
}

/** What is behind a failed database call, and what to do about it. */
export function explainUnreachable(thrown: unknown): Unreachable {
  const error = innermost(thrown);
  const code = sqlStateOf(error) ?? codeOf(error);
  const cause = error instanceof Error && error.message !== "" ? error.message : code;
  return { cause, code, advice: adviceFor(code) };
}

/** A name with several addresses fails once for each, under an error without a message. */
function innermost(thrown: unknown): unknown {
  const error = thrown instanceof GatewayError && thrown.cause ? thrown.cause : thrown;
  if (!(error instanceof AggregateError) || error.message !== "") return error;
  return (error.errors[0] as unknown) ?? error;
}

function adviceFor(code: string): string {
  if (/^28|^3D000$/.test(code)) return "check user, password and database of PENSTOCK_DATABASE_URL";
  if (/^(?:ECONN|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|EAI_)/.test(code)) {
    return "start PostgreSQL, or correct PENSTOCK_DATABASE_URL";
  }
  return "look into the log of PostgreSQL";
}

function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : "";
  if (typeof code === "string" && code !== "") return code;
  return error instanceof GatewayError ? error.reason : "no answer";
}
