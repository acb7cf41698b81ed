import { describe, expect, it } from "vitest";
import errors from "./__fixtures__/errors.json" with { type: "json" };
import { encode } from "./anthropic-messages.fixture.ts";
import { failureRules } from "./failure-rules.ts";
import { readError, readInBandError } from "./read-error.ts";

interface Row {
  readonly rule: string;
  readonly status: number;
  readonly class: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly inBand?: boolean;
  readonly retryAfterMs?: number;
  readonly body: unknown;
}

const rows: readonly Row[] = errors.rows;

describe("errors of anthropic-messages", () => {
  it("has an example of every row", () => {
    const shown = new Set(rows.map(({ rule }) => rule));
    expect(failureRules.map(({ id }) => id).filter((id) => !shown.has(id))).toEqual([]);
  });

  it.each(rows.map((row) => ({ name: `${row.status} ${JSON.stringify(row.body)}`, row })))(
    "$name",
    ({ row }) => {
      const { body, headers = {} } = row;
      const bytes = encode(typeof body === "string" ? body : JSON.stringify(body));
      const failure =
        row.inBand === true
          ? readInBandError(body)
          : readError(row.status, (name) => headers[name], bytes);
      expect([failure.class, failure.retryAfterMs]).toEqual([row.class, row.retryAfterMs]);
      expect(failure.message).not.toContain("sk-ant-api03");
      expect(failure.message.length).toBeLessThanOrEqual(256);
    },
  );
});
