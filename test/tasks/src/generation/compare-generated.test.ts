import { expect, it } from "vitest";
import { compareGenerated } from "./compare-generated.ts";

it("names what is missing, different and left over", () => {
  const actual = [
    { path: "index.ts", text: "old" },
    { path: "src/gen/gone_pb.ts", text: "" },
    { path: "src/gen/same_pb.ts", text: "same" },
  ];
  const expected = [
    { path: "index.ts", text: "new" },
    { path: "src/gen/fresh_pb.ts", text: "" },
    { path: "src/gen/same_pb.ts", text: "same" },
  ];
  expect(compareGenerated(actual, expected)).toEqual([
    "packages/api/index.ts differs from proto/",
    "packages/api/src/gen/fresh_pb.ts is missing",
    "packages/api/src/gen/gone_pb.ts has no proto any more",
  ]);
  expect(compareGenerated(expected, expected)).toEqual([]);
});
