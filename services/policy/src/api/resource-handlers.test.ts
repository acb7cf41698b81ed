import type { DescService } from "@bufbuild/protobuf";
import type { Resource } from "@penstock/api";
import { BudgetService, ResourceService, Role, RouteService, TeamService } from "@penstock/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kinds } from "../resources/kinds.ts";
import { failureOf } from "./failure-of.ts";
import type { PolicyHarness } from "./test-policy.ts";
import { startPolicyHarness } from "./test-policy.ts";
import { resourceOf, sampleJson, sampleResources } from "./sample-resources.ts";
import { listFieldOf, serviceOfKind, standardMethodsOf } from "./standard-methods.ts";

let harness: PolicyHarness;

beforeAll(async () => {
  harness = await startPolicyHarness();
  await harness.client(ResourceService).applyResources({ resources: sampleResources() });
});
afterAll(() => harness.close());

type Fields = Record<string, unknown>;
type Call = (request: Fields) => Promise<Fields>;

/** A client of any service, by the five standard verbs. */
function callsOf(
  service: DescService,
): Record<"get" | "list" | "create" | "update" | "delete", Call> {
  const client = harness.client(service) as unknown as Record<string, Call>;
  const methods = standardMethodsOf(service);
  const call = (verb: keyof typeof methods): Call => {
    const found = client[methods[verb].localName];
    if (found === undefined) throw new Error(`no method ${verb}`);
    return found;
  };
  return {
    get: call("get"),
    list: call("list"),
    create: call("create"),
    update: call("update"),
    delete: call("delete"),
  };
}

function secondOf(kind: keyof typeof sampleJson): Resource["resource"]["value"] {
  const name = sampleJson[kind].name.replace(/[^/]+$/, "second");
  return resourceOf({ [kind]: { ...sampleJson[kind], name } }).resource.value;
}

describe.each(kinds.map((kind) => [kind.collection, kind] as const))("%s", (_name, kind) => {
  it("is created, read, listed, changed and deleted, one revision each", async () => {
    const calls = callsOf(serviceOfKind[kind.case]);
    const second = secondOf(kind.case);
    const name = second?.name ?? "";
    const created = await calls.create({ [kind.case]: second });
    const stored = created[kind.case] as NonNullable<typeof second>;
    const revision = created["revision"] as bigint;
    expect(stored).toMatchObject({ name, revision });
    expect(stored.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(stored.createTime).toEqual(stored.updateTime);

    const again = await failureOf(calls.create({ [kind.case]: second }));
    expect(again.reason).toBe("ALREADY_EXISTS");

    const { [kind.case]: read } = await calls.get({ name });
    expect(read).toEqual(stored);
    const parent = kind.case === "virtualKey" ? { parent: "projects/-" } : {};
    const { list: listMethod } = standardMethodsOf(serviceOfKind[kind.case]);
    const listed = (await calls.list(parent))[listFieldOf(listMethod.output)] as Fields[];
    expect(listed.map((item) => item["name"])).toContain(name);

    const change = { ...stored, displayName: "Changed", labels: {} };
    const updateMask = { paths: ["display_name"] };
    const updated = await calls.update({ [kind.case]: change, updateMask });
    expect(updated["revision"]).toBe(revision + 1n);
    const after = updated[kind.case] as NonNullable<typeof second>;
    expect(after).toMatchObject({ displayName: "Changed", uid: stored.uid, labels: stored.labels });
    expect(after.etag).not.toBe(stored.etag);

    const stale = await failureOf(calls.delete({ name, etag: stored.etag }));
    expect(stale.reason).toBe("ETAG_MISMATCH");
    const check = await calls.delete({ name, etag: after.etag, validateOnly: true });
    expect(check["revision"]).toBe(revision + 1n);
    const deleted = await calls.delete({ name, etag: after.etag });
    expect(deleted["revision"]).toBe(revision + 2n);
    expect((await failureOf(calls.get({ name }))).reason).toBe("RESOURCE_NOT_FOUND");
    expect((await failureOf(calls.delete({ name, etag: "" }))).reason).toBe("RESOURCE_NOT_FOUND");
  });

  it("refuses names of other collections", async () => {
    const calls = callsOf(serviceOfKind[kind.case]);
    const name = kind.case === "team" ? "projects/x" : "teams/x";
    const error = await failureOf(calls.get({ name }));
    expect(error.fieldViolations[0]?.field).toBe("name");
  });
});

describe("update", () => {
  it("creates what is missing only when that is allowed", async () => {
    const teams = harness.client(TeamService);
    const team = { name: "teams/upsert", displayName: "one" };
    const error = await failureOf(teams.updateTeam({ team }));
    expect(error.reason).toBe("RESOURCE_NOT_FOUND");
    const { team: made } = await teams.updateTeam({ team, allowMissing: true });
    expect(made?.displayName).toBe("one");
  });

  it("takes the fields that are set without a mask, and all with *", async () => {
    const teams = harness.client(TeamService);
    await teams.createTeam({ team: { name: "teams/mask", displayName: "one", costCentre: "7" } });
    const name = "teams/mask";
    const partly = await teams.updateTeam({ team: { name, displayName: "two" } });
    expect(partly.team).toMatchObject({ displayName: "two", costCentre: "7" });
    const wholly = await teams.updateTeam({
      team: { name, displayName: "three" },
      updateMask: { paths: ["*"] },
    });
    expect(wholly.team).toMatchObject({ displayName: "three", costCentre: "" });
    const wrong = await failureOf(
      teams.updateTeam({ team: { name }, updateMask: { paths: ["no_such"] } }),
    );
    expect(wrong.fieldViolations[0]?.field).toBe("update_mask");
  });

  it("needs an etag for budgets, and says so", async () => {
    const budgets = harness.client(BudgetService);
    const { budget } = await budgets.getBudget({ name: "budgets/month" });
    if (budget === undefined) throw new Error("no budget");
    const error = await failureOf(budgets.updateBudget({ budget: { ...budget, etag: "" } }));
    expect(error.fieldViolations[0]).toMatchObject({
      field: "budget.etag",
      description: expect.stringContaining("is required for budgets"),
    });
    const onDelete = await failureOf(budgets.deleteBudget({ name: budget.name }));
    expect(onDelete.fieldViolations[0]?.field).toBe("etag");
    const { budget: same } = await budgets.updateBudget({ budget });
    expect(same).toEqual(budget);
  });

  it("ignores what only Penstock sets", async () => {
    const teams = harness.client(TeamService);
    const { team } = await teams.createTeam({
      team: { name: "teams/mine", uid: "my-own", revision: 99n, etag: "" },
    });
    expect(team?.uid).not.toBe("my-own");
    expect(team?.revision).not.toBe(99n);
  });
});

describe("identities", () => {
  it("lets viewers read and nothing else", async () => {
    const viewer = { kind: "admin" as const, name: "vera", roles: [Role.VIEWER] };
    const routes = harness.client(RouteService, viewer);
    const { route } = await routes.getRoute({ name: "routes/smart" });
    const error = await failureOf(routes.updateRoute(route === undefined ? {} : { route }));
    expect(error.reason).toBe("ADMIN_PERMISSION_DENIED");
  });
});
