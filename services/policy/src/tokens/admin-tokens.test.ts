import { Role } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import { ManualClock, parseKey } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "../api/failure-of.ts";
import type { PolicyHarness } from "../api/test-policy.ts";
import { startPolicyHarness } from "../api/test-policy.ts";

const clock = new ManualClock();
let harness: PolicyHarness;

beforeAll(async () => {
  harness = await startPolicyHarness({ clock, bus: createMemoryBus() });
});
afterAll(() => harness.close());

describe("tokens of administrators", () => {
  it("are made once, and again only on demand, which ends the old one", async () => {
    const { service } = harness;
    const first = (await service.ensureAdminToken()) ?? "";
    expect(parseKey(first)?.kind).toBe("pat");
    expect(await service.ensureAdminToken()).toBeUndefined();
    expect(await service.authenticateAdmin(first)).toEqual({
      kind: "admin",
      name: "admin",
      roles: [Role.ADMIN],
    });
    const second = (await service.ensureAdminToken({ renew: true })) ?? "";
    expect(await service.authenticateAdmin(first)).toBeUndefined();
    expect(await service.authenticateAdmin(second)).toBeDefined();
  });

  it("may be chosen by the operator, and hold as long as they are configured", async () => {
    const { service } = harness;
    const token = "a-token-of-my-own";
    expect(await service.ensureAdminToken({ token })).toBe(token);
    expect((await service.authenticateAdmin(token))?.name).toBe("environment");
    await service.ensureAdminToken();
    clock.advance(11_000);
    expect(await service.authenticateAdmin(token)).toBeUndefined();
    const error = await failureOf(service.ensureAdminToken({ token: "too-short" }));
    expect(error.fieldViolations[0]?.field).toBe("PENSTOCK_ADMIN_TOKEN");
  });

  it("are no others", async () => {
    for (const text of ["", "pat_", "x".repeat(66), "'; drop table policy.admin_token; --"]) {
      expect(await harness.service.authenticateAdmin(text)).toBeUndefined();
    }
  });
});
