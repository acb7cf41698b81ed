import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

function syncedLimit(selector?: JsonValue): Record<string, JsonValue> {
  const limit = {
    name: "limits/firm",
    scope: { all: true },
    requestsPerMinute: "1000",
    onUnavailable: "UNAVAILABLE_MODE_ALLOW",
    durability: "DURABILITY_SYNCED",
    ...(selector === undefined ? {} : { selector }),
  };
  return { "limits/firm": { limit } };
}

describe("a quota with durability SYNCED", () => {
  it.each([
    ["of all requests", undefined, ["intent", "final"]],
    ["of the model asked for", { model: "smart" }, ["intent", "final"]],
    [
      "of a deployment that the route could choose",
      { deployment: "deployments/b-large" },
      ["intent", "final"],
    ],
    ["of another model", { model: "other" }, []],
  ])("%s decides what is on the disk first", (_name, selector, expected) => {
    const pipeline = createPipeline(sampleSnapshot(syncedLimit(selector as JsonValue | undefined)));
    pipeline.send();
    pipeline.clock.advance(150);
    pipeline.upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    expect(pipeline.spool.finals).toHaveLength(1);
    expect(pipeline.spool.synced).toEqual(expected);
  });

  it("costs a request that is refused nothing", () => {
    const pipeline = createPipeline(
      sampleSnapshot({
        ...syncedLimit(),
        "limits/firm": {
          limit: {
            name: "limits/firm",
            scope: { all: true },
            requestsPerMinute: "1000",
            onUnavailable: "UNAVAILABLE_MODE_DENY",
            durability: "DURABILITY_SYNCED",
          },
        },
      }),
    );
    const { downstream } = pipeline.send();
    pipeline.clock.advance(150);
    expect(downstream.error?.reason).toBe("QUOTA_UNAVAILABLE");
    expect(pipeline.quotaRefusals).toEqual(["late"]);
    expect(pipeline.spool.synced).toEqual([]);
  });
});
