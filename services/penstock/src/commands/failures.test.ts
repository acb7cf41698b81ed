import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ListUnmappedFailuresResponseSchema } from "@penstock/api";
import { expect, it } from "vitest";
import { renderFailures } from "./failures.ts";

it("shows each kind of error with how often it came and what it was taken for", () => {
  const text = renderFailures(
    create(ListUnmappedFailuresResponseSchema, {
      failures: [
        {
          deployment: "deployments/a",
          providerKind: "groq",
          httpStatus: 418,
          providerCode: "teapot",
          message: "short and\nstout",
          failureClass: "BAD_REQUEST",
          count: 12n,
          lastTime: timestampFromMs(0),
        },
        { deployment: "deployments/b", providerKind: "openai", failureClass: "UNKNOWN", count: 1n },
      ],
    }),
  );
  const rows = text.split("\n").map((line) => line.trim().split(/ {2,}/));
  expect(rows[1]).toEqual([
    "1970-01-01 00:00:00Z",
    "12",
    "deployments/a",
    "groq",
    "418",
    "teapot",
    "-",
    "BAD_REQUEST",
    "short and\\u000astout",
  ]);
  expect(rows[2]).toEqual(["1", "deployments/b", "openai", "in answer", "-", "-", "UNKNOWN"]);
});
