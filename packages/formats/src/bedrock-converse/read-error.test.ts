import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import {
  bodyBytes,
  describeFailure,
  expectedOf,
  tableProblems,
  type FailureRows,
} from "../failures/failure-table.fixture.ts";
import { isJsonObject } from "../read-json.ts";
import errors from "./__fixtures__/errors.json" with { type: "json" };
import { bedrockConverse } from "./bedrock-converse.ts";
import { failureRules } from "./failure-rules.ts";
import { readError, readException } from "./read-error.ts";

const table = errors as unknown as FailureRows;

describe("errors of bedrock-converse", () => {
  it("has an example of every row", () => {
    expect(tableProblems(failureRules, table)).toEqual([]);
  });

  it.each(table.rows.map((row) => ({ name: `${row.status} ${JSON.stringify(row.body)}`, row })))(
    "$name",
    ({ row }) => {
      const headers = row.headers ?? {};
      const { exception, message } = isJsonObject(row.body) ? row.body : {};
      const failure =
        row.inBand === true
          ? readException(String(exception), String(message))
          : readError(row.status, (name) => headers[name], bodyBytes(row));
      expect(describeFailure(failure)).toEqual(expectedOf(row));
      expect(failure.message.length).toBeLessThanOrEqual(256);
    },
  );

  it("keep every code of the table, however long", () => {
    const codes = failureRules.flatMap(({ code }) => code ?? []);
    expect(codes).toContain("MissingAuthenticationTokenException");
    const header = (code: string) => (name: string) =>
      name === "x-amzn-errortype" ? code : undefined;
    const read = codes.map((code) => readError(403, header(code), new Uint8Array()).providerCode);
    expect(read).toEqual(codes);
    const key = "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIjKlMnOp";
    expect(readError(403, header(key), new Uint8Array()).providerCode).toBe("[redacted]");
  });

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
