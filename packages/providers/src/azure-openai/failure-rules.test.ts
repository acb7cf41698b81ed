import { formats, refineFailure } from "@penstock/formats";
import {
  bodyBytes,
  describeFailure,
  expectedOf,
  tableProblems,
  type FailureRows,
} from "@penstock/formats/testing";
import { describe, expect, it } from "vitest";
import errors from "./__fixtures__/errors.json" with { type: "json" };
import { failureRules } from "./failure-rules.ts";

const table: FailureRows = errors;

describe("errors of Azure OpenAI", () => {
  it("has an example of every row", () => {
    expect(tableProblems(failureRules, table)).toEqual([]);
  });

  it.each(table.rows.map((row) => ({ name: `${row.status} ${JSON.stringify(row.body)}`, row })))(
    "$name",
    ({ row }) => {
      const { headers = {}, status, inBand = false } = row;
      const header = (name: string): string | undefined => headers[name];
      const failure = formats["openai-chat"].readError(status, header, bodyBytes(row), 1);
      const answer = { status, inBand, header, nowMs: 1 };
      expect(describeFailure(refineFailure(failure, failureRules, answer))).toEqual(
        expectedOf(row),
      );
    },
  );
});
