import { fromBinary } from "@bufbuild/protobuf";
import { ChangeKind, ConfigEntrySchema, ConfigHeadSchema, ResourceService } from "@penstock/api";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { failureOf } from "./failure-of.ts";
import type { PolicyHarness } from "./test-policy.ts";
import { startPolicyHarness } from "./test-policy.ts";
import { resourceOf, sampleJson, sampleResources } from "./sample-resources.ts";

let harness: PolicyHarness;

beforeAll(async () => {
  harness = await startPolicyHarness();
});
afterAll(() => harness.close());

const resources = () => harness.client(ResourceService);
const team = (id: string, more = {}) => resourceOf({ team: { name: `teams/${id}`, ...more } });

async function names(): Promise<string[]> {
  const { resources: all } = await resources().listResources({ pageSize: 1_000 });
  return all.map(({ resource }) => resource.value?.name ?? "");
}

async function currentRevision(): Promise<bigint> {
  return (await resources().listResources({ pageSize: 1 })).revision;
}

describe("ApplyResources", () => {
  it("takes a resource of every kind in one revision and publishes all, then the head", async () => {
    const { results, revision } = await resources().applyResources({
      resources: sampleResources(),
    });
    expect(revision).toBe(1n);
    expect(results.map(({ change }) => change)).toEqual(results.map(() => ChangeKind.CREATED));
    const head = await vi.waitFor(async () => {
      const entry = await harness.bus.config.get("head");
      const read = fromBinary(ConfigHeadSchema, entry?.value ?? new Uint8Array(0));
      expect(read.revision).toBe(1n);
      return read;
    });
    expect(head.entryCount).toBe(10n);
    const entries = await harness.bus.config.list();
    expect(entries.at(-1)?.key).toBe("head");
    const key = entries.find((entry) => entry.key === "virtualKeys.shop.web");
    const read = fromBinary(ConfigEntrySchema, key?.value ?? new Uint8Array(0));
    expect([read.name, read.resource?.resource.case]).toEqual([
      "projects/shop/virtualKeys/web",
      "virtualKey",
    ]);
  });

  it("changes nothing when everything is as it shall be, also as it was read back", async () => {
    const { resources: read } = await resources().listResources({});
    for (const given of [sampleResources(), read]) {
      const { results, revision } = await resources().applyResources({ resources: given });
      expect(revision).toBe(1n);
      expect(new Set(results.map(({ change }) => change))).toEqual(new Set([ChangeKind.UNCHANGED]));
    }
  });

  it("reports the errors of all resources at once and writes nothing", async () => {
    const targets = [{ deployment: "deployments/no" }];
    const error = await failureOf(
      resources().applyResources({
        resources: [
          resourceOf({ route: { ...sampleJson.route, targets } }),
          team("red"),
          resourceOf({ limit: { name: "limits/bad", requestsPerMinute: "-1" } }),
          resourceOf({ budget: { name: "budget/typo", amountNanoUsd: "1" } }),
          team("red"),
        ],
        deleteNames: ["teams/nobody"],
      }),
    );
    expect(error.reason).toBe("FIELD_INVALID");
    expect(error.fieldViolations.map(({ field }) => field).toSorted()).toEqual([
      "delete_names[0]",
      "resources[0].targets[0].deployment",
      "resources[2].requestsPerMinute",
      "resources[3].name",
      "resources[3].period",
      "resources[4]",
    ]);
    expect(await currentRevision()).toBe(1n);
    expect(await names()).not.toContain("teams/red");
  });

  it("reports what is wrong of every sort at once, and no consequence of it", async () => {
    const { etag = "" } =
      (await resources().listResources({ collections: ["teams"] })).resources[0]?.resource.value ??
      {};
    expect(etag).not.toBe("");
    const { name } = sampleJson.team;
    const targets = [{ deployment: "deployments/no", weight: -1 }];
    const error = await failureOf(
      resources().applyResources({
        resources: [
          // A state, an own problem with a missing reference beside it, and a stale etag.
          resourceOf({ route: { ...sampleJson.route, targets } }),
          team("red", { owners: [""] }),
          // Refers to the team above, which is there but for its own problem.
          resourceOf({ project: { name: "projects/red", team: "teams/red" } }),
          resourceOf({ project: { name: "projects/blue", team: "teams/none" } }),
          resourceOf({ project: { ...sampleJson.project, etag: "AAAA" } }),
        ],
        deleteNames: [name],
      }),
    );
    expect(error.reason).toBe("FIELD_INVALID");
    const found = error.fieldViolations.map(({ field, reason }) => [field, reason]);
    expect(found).toContainEqual(["resources[0].targets[0].deployment", "REFERENCE_MISSING"]);
    expect(found).toContainEqual(["resources[0].targets[0].weight", "INVALID"]);
    expect(found).toContainEqual(["resources[3].team", "REFERENCE_MISSING"]);
    expect(found).toContainEqual(["resources[4].etag", "ETAG_MISMATCH"]);
    expect(found).toContainEqual(["delete_names[0]", "RESOURCE_IN_USE"]);
    expect(found.filter(([field]) => field?.startsWith("resources[1]"))).toHaveLength(1);
    expect(found.filter(([field]) => field?.startsWith("resources[2]"))).toEqual([]);
  });

  it("reports all that is wrong with a resource whose name is none, too", async () => {
    const targets = [{ deployment: "deployments/no" }, { deployment: "" }];
    const request = {
      resources: [
        resourceOf({ provider: { name: "providers/A_B", kind: "acme", credential: "sk-1" } }),
        resourceOf({ route: { ...sampleJson.route, name: "routes/A_B", targets } }),
        resourceOf({ deployment: { ...sampleJson.deployment, name: "deployments/A_B" } }),
        resourceOf({ project: { name: "projects/A_B", team: "teams/green" } }),
        team("green"),
      ],
    };
    const error = await failureOf(resources().applyResources(request));
    expect(error.fieldViolations.map(({ field }) => field).toSorted()).toEqual([
      "resources[0].credential",
      "resources[0].kind",
      "resources[0].name",
      "resources[1].name",
      "resources[1].targets[0].deployment",
      "resources[1].targets[1].deployment",
      "resources[2].name",
      "resources[3].name",
    ]);
    expect(await names()).not.toContain("teams/green");
    const nameless = resourceOf({ limit: { requestsPerMinute: "-1" } });
    const both = await failureOf(resources().applyResources({ resources: [nameless, nameless] }));
    expect(both.fieldViolations.map(({ field }) => field).toSorted()).toEqual([
      "resources[0].name",
      "resources[0].requestsPerMinute",
      "resources[1].name",
      "resources[1].requestsPerMinute",
    ]);
  });

  it("takes a format that the provider's kind offers, and no other, also when the kind changes", async () => {
    const provider = { name: "providers/formats", kind: "openai", credential: "env:FORMATS_KEY" };
    const deployment = { name: "deployments/formats", provider: provider.name, model: "m" };
    const apply = (kind: string, format: string) =>
      resources().applyResources({
        resources: [
          resourceOf({ provider: { ...provider, kind } }),
          resourceOf({ deployment: { ...deployment, format } }),
        ],
      });
    await apply("openai", "openai-responses");
    const before = await currentRevision();
    const refused = await failureOf(apply("openai", "google-generate-content"));
    expect(refused.fieldViolations).toMatchObject([
      {
        field: "resources[1].format",
        description: "must be one that the kind openai offers: openai-chat, openai-responses",
      },
    ]);
    // Only the provider is given: the deployment that would break is named.
    const kindAlone = resources().applyResources({
      resources: [resourceOf({ provider: { ...provider, kind: "google-gemini" } })],
    });
    expect((await failureOf(kindAlone)).fieldViolations).toMatchObject([
      {
        field: "resources",
        description: expect.stringContaining("would break deployments/formats.format") as string,
      },
    ]);
    expect(await currentRevision()).toBe(before);
  });

  it("checks an etag that is given and takes one that is not", async () => {
    const before = await currentRevision();
    const first = await resources().applyResources({ resources: [team("etag")] });
    const etag = first.results[0]?.etag ?? "";
    const second = await resources().applyResources({
      resources: [team("etag", { etag, displayName: "two" })],
    });
    expect(second.revision).toBe(before + 2n);
    const stale = await failureOf(
      resources().applyResources({ resources: [team("etag", { etag, displayName: "three" })] }),
    );
    expect([stale.reason, stale.metadata["resource"]]).toEqual(["ETAG_MISMATCH", "teams/etag"]);
    expect(stale.fieldViolations).toMatchObject([
      { field: "resources[0].etag", reason: "ETAG_MISMATCH" },
    ]);
    const blind = await resources().applyResources({
      resources: [team("etag", { displayName: "four" })],
    });
    expect(blind.revision).toBe(before + 3n);
  });

  it("answers a repeated request id as the first time, and refuses it for another request", async () => {
    const request = { resources: [team("twice")], requestId: "request-1" };
    const first = await resources().applyResources(request);
    const again = await resources().applyResources(request);
    expect(again).toEqual(first);
    const other = await failureOf(
      resources().applyResources({ resources: [team("other")], requestId: "request-1" }),
    );
    expect(other.fieldViolations[0]?.field).toBe("request_id");
    expect(await currentRevision()).toBe(first.revision);
  });

  it("validates only when asked to", async () => {
    const before = await currentRevision();
    const { results, revision } = await resources().applyResources({
      resources: [team("ghost")],
      validateOnly: true,
    });
    expect([results[0]?.change, revision]).toEqual([ChangeKind.CREATED, before]);
    expect(await names()).not.toContain("teams/ghost");
  });

  it("refuses to delete what is referred to, and names who refers", async () => {
    const request = { deleteNames: ["deployments/alpha-large", "priceBooks/list"] };
    const error = await failureOf(resources().applyResources(request));
    expect(error.reason).toBe("RESOURCE_IN_USE");
    expect(error.resource).toEqual({ type: "deployments", name: "deployments/alpha-large" });
    expect(error.preconditionViolations.map(({ subject }) => subject)).toEqual(["routes/smart"]);
  });

  it("deletes by label what is not listed", async () => {
    const labels = { set: "a" };
    await resources().applyResources({
      resources: [team("kept", { labels }), team("gone", { labels }), team("free")],
    });
    const { results } = await resources().applyResources({
      resources: [team("kept", { labels })],
      pruneLabels: labels,
    });
    expect(results.map(({ name, change }) => [name, change])).toEqual([
      ["teams/kept", ChangeKind.UNCHANGED],
      ["teams/gone", ChangeKind.DELETED],
    ]);
    expect(await names()).toContain("teams/free");
  });

  it("keeps the last route and the last key unless told otherwise", async () => {
    const error = await failureOf(resources().applyResources({ pruneLabels: { app: "demo" } }));
    expect(error.reason).toBe("FAILED_PRECONDITION");
    expect(error.preconditionViolations[0]).toMatchObject({ subject: "routes" });
    const { results } = await resources().applyResources({
      pruneLabels: { app: "demo" },
      allowEmpty: true,
    });
    expect(results).toHaveLength(10);
    const entry = await vi.waitFor(async () => {
      const found = await harness.bus.config.get("routes.smart");
      const read = fromBinary(ConfigEntrySchema, found?.value ?? new Uint8Array(0));
      expect(read.resource).toBeUndefined();
      return read;
    });
    expect(entry.name).toBe("routes/smart");
  });

  it("puts names of foreign forms, and resources without a kind, into the list of problems", async () => {
    const { resource: bidi } = { resource: team("x") };
    if (bidi.resource.case === "team") bidi.resource.value.name = "teams/\u202egnp";
    const error = await failureOf(
      resources().applyResources({ resources: [bidi, { resource: { case: undefined } }] }),
    );
    expect(error.fieldViolations.map(({ field }) => field)).toEqual([
      "resources[0].name",
      "resources[1]",
    ]);
  });
});
