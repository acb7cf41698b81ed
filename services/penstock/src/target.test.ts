import { describe, expect, it } from "vitest";
import { resolveTarget } from "./target.ts";

const demo = {
  PENSTOCK_CONTROL_URL: "http://127.0.0.1:8082",
  PENSTOCK_ADMIN_URL: "http://127.0.0.1:8083",
  PENSTOCK_ADMIN_TOKEN: "pat_demo",
};

function tokenOf(flags: object, environment: Record<string, string>): string | undefined {
  return resolveTarget(flags, demo, environment).token?.reveal();
}

describe("resolveTarget", () => {
  it("takes flags before the environment and that before the demo's file", () => {
    expect(resolveTarget({}, demo, {})).toMatchObject({
      controlUrl: "http://127.0.0.1:8082",
      adminUrl: "http://127.0.0.1:8083",
    });
    const environment = { PENSTOCK_CONTROL_URL: "http://env", PENSTOCK_ADMIN_TOKEN: "pat_env" };
    expect(resolveTarget({}, demo, environment).controlUrl).toBe("http://env");
    expect(resolveTarget({ controlUrl: "http://flag" }, demo, environment).controlUrl).toBe(
      "http://flag",
    );
    expect(tokenOf({ adminToken: "pat_flag" }, environment)).toBe("pat_flag");
    expect(tokenOf({}, environment)).toBe("pat_env");
    expect(tokenOf({}, {})).toBe("pat_demo");
  });

  it("never sends the demo's token to another address", () => {
    expect(tokenOf({ controlUrl: "http://elsewhere" }, {})).toBeUndefined();
    expect(tokenOf({ adminUrl: "http://elsewhere" }, {})).toBeUndefined();
    expect(tokenOf({ controlUrl: "http://127.0.0.1:8082/" }, {})).toBe("pat_demo");
  });

  it("knows services that are processes of their own, each defaulting to the control address", () => {
    const suite = { ...demo, PENSTOCK_TELEMETRY_URL: "http://127.0.0.1:8087" };
    expect(resolveTarget({}, suite, {})).toMatchObject({
      controlUrl: "http://127.0.0.1:8082",
      quotaUrl: "http://127.0.0.1:8082",
      telemetryUrl: "http://127.0.0.1:8087",
    });
    const apart = { PENSTOCK_POLICY_URL: "http://p", PENSTOCK_QUOTA_URL: "http://q" };
    expect(resolveTarget({}, suite, apart)).toMatchObject({
      controlUrl: "http://p",
      quotaUrl: "http://q",
      telemetryUrl: "http://p",
      token: undefined,
    });
    expect(resolveTarget({ controlUrl: "http://one" }, suite, apart)).toMatchObject({
      controlUrl: "http://one",
      quotaUrl: "http://one",
      telemetryUrl: "http://one",
    });
    const elsewhere = { PENSTOCK_TELEMETRY_URL: "http://elsewhere" };
    expect(resolveTarget({}, suite, elsewhere).token).toBeUndefined();
  });

  it("says how to name a target when there is none, and what is no address", () => {
    expect(() => resolveTarget({}, {}, {})).toThrow(/npm start.*--control-url/);
    expect(() => resolveTarget({ controlUrl: "127.0.0.1" }, {}, {})).toThrow(/--control-url/);
  });
});
