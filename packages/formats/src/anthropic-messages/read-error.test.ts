import { describe, expect, it } from "vitest";
import {
  bodyBytes,
  describeFailure,
  expectedOf,
  tableProblems,
  type FailureRows,
} from "../failures/failure-table.fixture.ts";
import errors from "./__fixtures__/errors.json" with { type: "json" };
import { failureRules } from "./failure-rules.ts";
import { readError, readInBandError } from "./read-error.ts";

const table: FailureRows = errors;

describe("errors of anthropic-messages", () => {
  it("has an example of every row", () => {
    expect(tableProblems(failureRules, table)).toEqual([]);
  });

  it.each(table.rows.map((row) => ({ name: `${row.status} ${JSON.stringify(row.body)}`, row })))(
    "$name",
    ({ row }) => {
      const headers = row.headers ?? {};
      const failure =
        row.inBand === true
          ? readInBandError(row.body)
          : readError(row.status, (name) => headers[name], bodyBytes(row));
      expect(describeFailure(failure)).toEqual(expectedOf(row));
      expect(failure.message).not.toContain("sk-ant-api03");
      expect(failure.message.length).toBeLessThanOrEqual(256);
    },
  );
});
