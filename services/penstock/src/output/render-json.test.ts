import { create } from "@bufbuild/protobuf";
import { ListTargetHealthResponseSchema, ListUnmappedFailuresResponseSchema } from "@penstock/api";
import { expect, it } from "vitest";
import { renderJson } from "./render-json.ts";

it("prints lists, numbers and texts also when they are empty, and nothing for what is absent", () => {
  const none = create(ListUnmappedFailuresResponseSchema);
  expect(JSON.parse(renderJson(ListUnmappedFailuresResponseSchema, none))).toEqual({
    failures: [],
  });
  const one = create(ListTargetHealthResponseSchema, {
    targets: [{ deployment: "deployments/a" }],
  });
  const { targets } = JSON.parse(renderJson(ListTargetHealthResponseSchema, one)) as {
    targets: readonly object[];
  };
  expect(targets).toMatchObject([{ ejected: false, inFlight: 0, reason: "", windows: [] }]);
  expect(targets[0]).not.toHaveProperty("untilTime");
});
