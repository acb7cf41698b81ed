import { fromBinary } from "@bufbuild/protobuf";
import { ChangeKind, ConfigEntrySchema, ConfigHeadSchema, ResourceService } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { PolicyHarness } from "./policy-harness.ts";
import { startPolicyHarness } from "./policy-harness.ts";
import { resourceOf, sampleJson, sampleResources } from "./sample-resources.ts";

let harness: PolicyHarness;

beforeAll(async () => {
  harness = await startPolicyHarness();
});
afterAll(() => harness.close());

const resources = () => harness.client(ResourceService);

async function problemsOf(promise: Promise<unknown>): Promise<GatewayError> {
  return await promise.then(
    () => expect.unreachable("the request was accepted"),
    (error: GatewayError) => error,
  );
}

describe("ApplyResources", () => {
  it("takes one resource of every kind in one revision and publishes all, then the head", async () => {
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
    const key = entries.find(({ key }) => key === "virtualKeys.shop.web");
    const { name, resource } = fromBinary(ConfigEntrySchema, key?.value ?? new Uint8Array(0));
    expect([name, resource?.resource.case]).toEqual([
      "projects/shop/virtualKeys/web",
      "virtualKey",
    ]);
  });

  it("changes nothing when everything is as it shall be", async () => {
    const { results, revision } = await resources().applyResources({
      resources: sampleResources(),
    });
    expect(revision).toBe(1n);
    expect(results.every(({ change }) => change === ChangeKind.UNCHANGED)).toBe(true);
  });

  it("reports three errors of three resources at once and writes nothing", async () => {
    const error = await problemsOf(
      resources().applyResources({
        resources: [
          resourceOf({
            route: { ...sampleJson.route, targets: [{ deployment: "deployments/no" }] },
          }),
          resourceOf({ team: { name: "teams/red" } }),
          resourceOf({ limit: { name: "limits/bad", requestsPerMinute: "-1" } }),
          resourceOf({ budget: { name: "budget/typo", amountNanoUsd: "1" } }),
        ],
      }),
    );
    expect(error.reason).toBe("FIELD_INVALID");
    expect(error.fieldViolations.map(({ field }) => field)).toEqual([
      "resources[3].name",
      expect.stringMatching(/^resources\[2\]\./),
      "resources[0].targets[0].deployment",
    ]);
    const { resources: left, revision } = await resources().listResources({});
    expect(revision).toBe(1n);
    expect(left.map(({ resource }) => resource.value?.name)).not.toContain("teams/red");
  });
});
