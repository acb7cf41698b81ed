import { GatewayError } from "@penstock/errors";
import type { FieldViolation } from "@penstock/errors";
import { describe, expect, it, vi } from "vitest";
import { applyManifests, ManifestsRefused } from "./apply-manifests.ts";

type Clients = Parameters<typeof applyManifests>[1];

/** A service that finds these things wrong. */
function refusing(fieldViolations: readonly FieldViolation[]) {
  const applyResources = vi.fn(async () => {
    throw new GatewayError("FIELD_INVALID", "refused", { fieldViolations: [...fieldViolations] });
  });
  return { clients: { resources: { applyResources } } as unknown as Clients, applyResources };
}

async function linesOf(text: string, clients: Clients): Promise<string[]> {
  try {
    await applyManifests([{ file: "m.yaml", text }], clients);
  } catch (thrown) {
    if (thrown instanceof ManifestsRefused) return thrown.lines();
    throw thrown;
  }
  return [];
}

describe("applyManifests", () => {
  it("tells what the service finds beside what can't be read, but not what it lacks", async () => {
    const { clients, applyResources } = refusing([
      { field: "resources[0].owners", description: "has too many", reason: "INVALID" },
      { field: "resources[1].team", description: "refers to teams/b", reason: "REFERENCE_MISSING" },
    ]);
    const text =
      "kind: Team\nname: teams/a\nowners: [x]\n---\nkind: Teem\nname: teams/b\n---\n" +
      "kind: Project\nname: projects/p\nteam: teams/b\n";
    expect(await linesOf(text, clients)).toEqual([
      "m.yaml:3: owners has too many",
      expect.stringMatching(/^m\.yaml:5: kind must be one of /),
    ]);
    expect(applyResources).toHaveBeenCalledWith(expect.objectContaining({ validateOnly: true }));
  });

  it("asks nobody about nothing", async () => {
    const { clients, applyResources } = refusing([]);
    expect(await linesOf("kind: Teem\nname: teams/b\n", clients)).toHaveLength(1);
    expect(applyResources).not.toHaveBeenCalled();
  });

  it("tells a misspelt field once", async () => {
    const { clients } = refusing([
      { field: "resources[0].requestsPerMinute", description: "is required", reason: "REQUIRED" },
    ]);
    expect(await linesOf("kind: Limit\nname: limits/a\ntokenPerMinute: 5\n", clients)).toEqual([
      "m.yaml:3: tokenPerMinute is not a field of Limit; did you mean tokensPerMinute?",
    ]);
  });
});
