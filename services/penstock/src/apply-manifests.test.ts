import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayError } from "@penstock/errors";
import type { FieldViolation } from "@penstock/errors";
import { describe, expect, it, vi } from "vitest";
import { applyManifests, ManifestsRefused, NoResources } from "./apply-manifests.ts";
import { readManifestFiles } from "./manifest/read-manifest-files.ts";

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
  it("tells where an etag is old", async () => {
    const description = "has an old etag: teams/b was changed since it was read";
    const stale = { field: "resources[1].etag", description, reason: "ETAG_MISMATCH" };
    const applyResources = vi.fn(async () => {
      throw new GatewayError("ETAG_MISMATCH", "stale", { fieldViolations: [stale] });
    });
    const clients = { resources: { applyResources } } as unknown as Clients;
    const text = "kind: Team\nname: teams/a\n---\nkind: Team\nname: teams/b\netag: old\n";
    expect(await linesOf(text, clients)).toEqual([
      `m.yaml:6: document 2, teams/b: etag ${description}`,
    ]);
  });

  it("tells what the service finds beside what can't be read, but not what it lacks", async () => {
    const { clients, applyResources } = refusing([
      { field: "resources[0].owners", description: "has too many", reason: "INVALID" },
      { field: "resources[1].team", description: "refers to teams/b", reason: "REFERENCE_MISSING" },
    ]);
    const text =
      "kind: Team\nname: teams/a\nowners: [x]\n---\nkind: Teem\nname: teams/b\n---\n" +
      "kind: Project\nname: projects/p\nteam: teams/b\n";
    expect(await linesOf(text, clients)).toEqual([
      "m.yaml:3: document 1, teams/a: owners has too many",
      expect.stringMatching(/^m\.yaml:5: document 2, teams\/b: kind must be one of /),
    ]);
    expect(applyResources).toHaveBeenCalledWith(expect.objectContaining({ validateOnly: true }));
  });

  it("tells of what is missing for certain, though another document can't be read", async () => {
    const { clients } = refusing([
      { field: "resources[0].team", description: "refers to teams/c", reason: "REFERENCE_MISSING" },
      { field: "resources[1].team", description: "refers to teams/b", reason: "REFERENCE_MISSING" },
      { field: "prune_labels", description: "names teams/z, which is in use" },
    ]);
    const text =
      "kind: Project\nname: projects/p\nteam: teams/c\n---\n" +
      "kind: Project\nname: projects/q\nteam: teams/b\n---\n" +
      "kind: Team\nowners: [\nname: teams/b\n";
    const lines = await linesOf(text, clients);
    expect(lines[0]).toBe("m.yaml:3: document 1, projects/p: team refers to teams/c");
    expect(lines.slice(1, -1).every((line) => line.includes("is not valid YAML"))).toBe(true);
    expect(lines.at(-1)).toBe("prune_labels names teams/z, which is in use");
    expect(lines.filter((line) => line.includes("projects/q"))).toEqual([]);
  });

  it("says what was not looked for, and how much more there is", async () => {
    const applyResources = () => Promise.reject(new GatewayError("UNAVAILABLE", "nobody answers"));
    const gone = { resources: { applyResources } } as unknown as Clients;
    const text = "kind: Team\nname: teams/a\nowner: [x]\n";
    expect(await linesOf(text, gone)).toEqual([
      expect.stringMatching(/^m\.yaml:3: owner is not a field of Team/),
      "what only the service can find is not known: nobody answers",
    ]);
    const violation = { field: "resources[0].owners", description: "has too many" };
    const error = new GatewayError("FIELD_INVALID", "refused", {
      fieldViolations: [violation],
      metadata: { problems: "7" },
    });
    const many = { resources: { applyResources: () => Promise.reject(error) } };
    const lines = await linesOf("kind: Team\nname: teams/a\n", many as unknown as Clients);
    expect(lines).toEqual(["m.yaml:1: owners has too many", "6 more were found; mend these first"]);
  });

  it("reads what can be read of several files, and names those that can't be", async () => {
    const folder = mkdtempSync(join(tmpdir(), "penstock-manifests-"));
    const file = join(folder, "there.yaml");
    writeFileSync(file, "kind: Team\nname: teams/a\nowner: [x]\n");
    const texts = await readManifestFiles([join(folder, "gone.yaml"), file], () => "");
    rmSync(folder, { recursive: true });
    const { clients } = refusing([{ field: "resources[0]", description: "is too large" }]);
    const refusal = await applyManifests(texts, clients).catch((thrown: unknown) => thrown);
    expect(refusal).toBeInstanceOf(ManifestsRefused);
    const { problems } = refusal as ManifestsRefused;
    expect(problems.map(({ document, line, name, path }) => [document, line, name, path])).toEqual([
      [0, 0, "", ""],
      [1, 1, "teams/a", ""],
      [1, 3, "teams/a", "owner"],
    ]);
    expect((refusal as ManifestsRefused).lines()[0]).toMatch(/gone\.yaml: can't be read: ENOENT/);
  });

  it("tells a resource that is given twice once", async () => {
    const { clients } = refusing([
      { field: "resources[1]", description: "names teams/a, which resources[0] names already" },
    ]);
    const team = "kind: Team\nname: teams/a\n";
    expect(await linesOf(`${team}---\n${team}`, clients)).toEqual([
      "m.yaml:5: document 2, teams/a: name teams/a is given already in m.yaml:1",
    ]);
  });

  it("has resources without a name looked at, too, and tells once that it lacks", async () => {
    const { clients, applyResources } = refusing([
      { field: "resources[0].name", description: "must be a name", reason: "INVALID" },
      { field: "resources[1].name", description: "must be a name", reason: "INVALID" },
      { field: "resources[1].owners", description: "has too many", reason: "INVALID" },
    ]);
    expect(await linesOf("kind: Team\n---\nkind: Team\nowners: [x]\n", clients)).toEqual([
      "m.yaml:1: document 1: name is required",
      "m.yaml:3: document 2: name is required",
      "m.yaml:4: document 2: owners has too many",
    ]);
    expect(applyResources).toHaveBeenCalledTimes(1);
  });

  it("asks nobody about nothing", async () => {
    const { clients, applyResources } = refusing([]);
    expect(await linesOf("kind: Teem\nname: teams/b\n", clients)).toHaveLength(1);
    expect(applyResources).not.toHaveBeenCalled();
  });

  it("refuses what holds no resource where somebody surely meant one", async () => {
    const applyResources = vi.fn(async () => ({ revision: 1n }));
    const clients = { resources: { applyResources } } as unknown as Clients;
    const texts = [
      { file: "a.yaml", text: "" },
      { file: "-", text: "# a comment\n---\n" },
    ];
    const refused = applyManifests(texts, clients, { refuseNone: true });
    await expect(refused).rejects.toThrow(NoResources);
    await expect(refused).rejects.toThrow("a.yaml, standard input hold no resource; nothing was");
    expect(applyResources).not.toHaveBeenCalled();
    await applyManifests(texts, clients);
    expect(applyResources).toHaveBeenCalledTimes(1);
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
