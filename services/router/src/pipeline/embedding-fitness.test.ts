import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { EmbedRequestSchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { embeddingUnfitness, expectedDimensions } from "./embedding-fitness.ts";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

function deployment(id: string, more: Readonly<Record<string, JsonValue>>): JsonValue {
  const own = { name: `deployments/${id}-large`, provider: `providers/${id}`, model: "vectors" };
  return { deployment: { ...own, ...more } };
}

function routeOf(a: Readonly<Record<string, JsonValue>>, b: Readonly<Record<string, JsonValue>>) {
  const snapshot = sampleSnapshot({
    "deployments/a-large": deployment("a", a),
    "deployments/b-large": deployment("b", b),
  });
  const route = snapshot.routes.get("routes/smart");
  if (route === undefined) throw new Error("the sample has the route");
  return route;
}

const request = create(EmbedRequestSchema, { model: "smart" });
const reasons = (route: ReturnType<typeof routeOf>, asked = request): (string | undefined)[] =>
  route.targets.map((target) => embeddingUnfitness(route, asked, target)?.reason);

describe("targets of vectors", () => {
  it("stand in for each other when the provider's model is the same", () => {
    expect(reasons(routeOf({}, {}))).toEqual([undefined, undefined]);
  });

  it("never stand in for a target of another model, unless both say it is one space", () => {
    const other = "its vectors are of another model than those of deployments/a-large";
    expect(reasons(routeOf({}, { model: "others" }))).toEqual([undefined, other]);
    const named = routeOf({ vectorSpace: "v3" }, { model: "others", vectorSpace: "v3" });
    expect(reasons(named)).toEqual([undefined, undefined]);
    expect(reasons(routeOf({}, { vectorSpace: "v3" }))).toEqual([undefined, other]);
  });

  it("must be of one length, said by the request or by both", () => {
    const sized = (length: number) => ({ capabilities: { embeddingDimensions: length } });
    const route = routeOf(sized(8), sized(9));
    expect(reasons(route)[1]).toBe("its vectors are of another length than deployments/a-large's");
    const asked = create(EmbedRequestSchema, { model: "smart", dimensions: 4 });
    expect(reasons(route, asked)).toEqual([undefined, undefined]);
    expect(expectedDimensions(route, asked)).toBe(4);
    expect(expectedDimensions(route, request)).toBe(8);
    expect(expectedDimensions(routeOf({}, {}), request)).toBeUndefined();
  });

  it("are measured by the first that makes any", () => {
    const none = { capabilities: { embeddings: false } };
    const route = routeOf({ model: "chat", ...none }, {});
    expect(reasons(route)).toEqual(["it makes no vectors", undefined]);
  });

  it("are not planned for answers when they say that they write none", () => {
    const large = deployment("a", { model: "a-large", capabilities: { generation: false } });
    const pipeline = createPipeline(sampleSnapshot({ "deployments/a-large": large }));
    pipeline.send();
    expect(pipeline.upstream.calls.map((call) => call.deployment)).toEqual(["deployments/b-large"]);
  });
});
