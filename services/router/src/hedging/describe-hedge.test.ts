import { create } from "@bufbuild/protobuf";
import { ExplainRequestRequestSchema, RoutingWishesSchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { explainRequest } from "../api/explain-request.ts";
import { createHedgingPipeline, delayMs } from "./hedge.fixture.ts";

/** What is said of both targets. */
function explain(wishes: object = {}, spent = false): string[] {
  const { parts, snapshot } = createHedgingPipeline();
  if (spent) parts.hedging.take({ name: "routes/smart" });
  const { targets } = explainRequest(
    { parts, currentSnapshot: () => snapshot },
    create(ExplainRequestRequestSchema, {
      virtualKey: "projects/p/virtualKeys/k",
      request: { model: "smart", routing: create(RoutingWishesSchema, wishes) },
    }),
  );
  return targets.map(({ reason }) => reason);
}

describe("an explanation", () => {
  it("says which target would be asked beside a slow one, and when", () => {
    const [first, second] = explain();
    expect(first).not.toContain("asked");
    const when = `asked as well when deployments/a-large has no content after ${delayMs} ms`;
    expect(second).toMatch(new RegExp(`${when}$`));
    expect(explain({}, true)[1]).toContain(`${when}, once its route has saved for another call`);
  });

  it("says why there would be none", () => {
    const [first, second] = explain({ hedging: false });
    expect(first).toContain("no other is asked beside it, as the request wishes for none");
    expect(second).not.toContain("asked");
    expect(explain({ maxAttempts: 1 })[0]).toContain("may have one attempt only");
  });

  it("costs the route nothing of its budget", () => {
    const { parts, snapshot } = createHedgingPipeline();
    const request = create(ExplainRequestRequestSchema, {
      virtualKey: "projects/p/virtualKeys/k",
      request: { model: "smart" },
    });
    explainRequest({ parts, currentSnapshot: () => snapshot }, request);
    expect(parts.hedging.take({ name: "routes/smart" })).toBe(true);
    for (let at = 0; at < 49; at += 1) {
      explainRequest({ parts, currentSnapshot: () => snapshot }, request);
    }
    expect(parts.hedging.hasRoom({ name: "routes/smart" })).toBe(false);
  });
});
