import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { isJsonObject } from "../read-json.ts";
import errors from "./__fixtures__/errors.json" with { type: "json" };
import { bedrockConverse } from "./bedrock-converse.ts";
import { failureRules } from "./failure-rules.ts";
import { readError, readException } from "./read-error.ts";

/** One documented error and what it means. */
interface FailureRow {
  /** Id of the row that decides; that of none: the status does. */
  readonly rule: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON value, or bare text; of an error within a stream its name and message. */
  readonly body: unknown;
  readonly inBand?: boolean;
  readonly class: string;
  readonly retryAfterMs?: number;
}

const rows = errors.rows as unknown as readonly FailureRow[];

describe("errors of bedrock-converse", () => {
  it("has an example of every row", () => {
    const shown = new Set(rows.map(({ rule }) => rule));
    expect(failureRules.map(({ id }) => id).filter((id) => !shown.has(id))).toEqual([]);
  });

  it.each(rows.map((row) => ({ name: `${row.status} ${JSON.stringify(row.body)}`, row })))(
    "$name",
    ({ row }) => {
      const headers = row.headers ?? {};
      const { exception, message } = isJsonObject(row.body) ? row.body : {};
      const text = typeof row.body === "string" ? row.body : JSON.stringify(row.body);
      const bytes = new TextEncoder().encode(text);
      const failure =
        row.inBand === true
          ? readException(String(exception), String(message))
          : readError(row.status, (name) => headers[name], bytes);
      expect([failure.class, failure.retryAfterMs]).toEqual([row.class, row.retryAfterMs]);
      expect(failure.message.length).toBeLessThanOrEqual(256);
    },
  );

  it("are written with the name that clients know", () => {
    const write = (error: GatewayError): unknown =>
      JSON.parse(bedrockConverse.writeError(error, "r1")) as unknown;
    expect(write(new GatewayError("UPSTREAM_RATE_LIMITED", "Too much."))).toEqual({
      __type: "ThrottlingException",
      message: "Too much.",
      reason: "UPSTREAM_RATE_LIMITED",
      request_id: "r1",
    });
    expect(write(new GatewayError("FIELD_INVALID", "No."))).toMatchObject({
      __type: "ValidationException",
    });
  });
});
