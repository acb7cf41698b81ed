import { defaultTopology } from "@penstock/bus";
import { describe, expect, it } from "vitest";
import { checkRoles } from "./check-roles.ts";
import { doorsOf, readRoles, storesOf } from "./roles.ts";
import { readStartSettings } from "./settings.ts";

const everything = {
  PENSTOCK_BUS_URL: "nats://n:4222",
  PENSTOCK_DATABASE_URL: "postgres://d/p",
  PENSTOCK_SERVICE_TOKEN: "token-of-services",
  PENSTOCK_POLICY_URL: "http://p:8082",
  PENSTOCK_QUOTA_URL: "http://q:8082",
};

function missingFor(role: string, without: readonly string[]): string {
  const environment = Object.fromEntries(
    Object.entries(everything).filter(([name]) => !without.includes(name)),
  );
  try {
    checkRoles(readStartSettings({ role }, environment));
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

describe("roles", () => {
  it("are a list in any order, each once; none given means everything in one process", () => {
    expect(readRoles("telemetry, policy,policy")).toEqual(["policy", "telemetry"]);
    expect(readRoles(undefined)).toBeUndefined();
    expect(() => readRoles("policy,polcy")).toThrow(/must be a list of router.*not "polcy"/);
  });

  it("open their own doors only", () => {
    expect(doorsOf(["router"])).toEqual(["http", "grpc", "admin"]);
    expect(doorsOf(["policy", "quota", "telemetry"])).toEqual(["control"]);
    expect(doorsOf(["simulator"])).toEqual(["simulator"]);
  });

  it.each([
    "fifteen-letters",
    "with a space in it",
    "with-a-line-end-in-it\n",
    "mit-Ümläuten-und-so",
  ])("are refused with a service token like %j, which is named but not shown", (token) => {
    const settings = readStartSettings(
      { role: "policy" },
      { ...everything, PENSTOCK_SERVICE_TOKEN: token },
    );
    expect(() => checkRoles(settings)).toThrow(
      /^PENSTOCK_SERVICE_TOKEN must have at least 16 printable characters without spaces\.$/,
    );
  });

  it("are refused for such a token together with what is missing, and so is one process", () => {
    const { PENSTOCK_BUS_URL: _, ...environment } = everything;
    const isShort =
      "PENSTOCK_SERVICE_TOKEN must have at least 16 printable characters without spaces";
    const check = (role: string | undefined) =>
      checkRoles(readStartSettings({ role }, { ...environment, PENSTOCK_SERVICE_TOKEN: "short" }));
    expect(() => check("policy")).toThrow(
      `${isShort}; PENSTOCK_BUS_URL is not set; role policy needs it.`,
    );
    expect(() => check(undefined)).toThrow(`${isShort}.`);
    expect(() => checkRoles(readStartSettings({}, everything))).not.toThrow();
  });

  it("are refused without what they can't do without, by name", () => {
    expect(missingFor("router", ["PENSTOCK_DATABASE_URL"])).toBe("");
    expect(missingFor("router,quota", ["PENSTOCK_QUOTA_URL"])).toBe("");
    expect(missingFor("simulator", Object.keys(everything))).toBe("");
    expect(missingFor("policy", ["PENSTOCK_POLICY_URL", "PENSTOCK_QUOTA_URL"])).toBe("");
    expect(missingFor("router", ["PENSTOCK_QUOTA_URL", "PENSTOCK_SERVICE_TOKEN"])).toBe(
      "PENSTOCK_SERVICE_TOKEN is not set; role router needs it; " +
        "PENSTOCK_QUOTA_URL is not set; role router needs it.",
    );
    expect(missingFor("quota,telemetry", ["PENSTOCK_DATABASE_URL"])).toBe(
      "PENSTOCK_DATABASE_URL is not set; roles quota and telemetry need it.",
    );
    expect(() => checkRoles(readStartSettings({}, {}))).not.toThrow();
  });
});

describe("the stores of roles", () => {
  it("leaves each to a role that keeps it, and none to routers", () => {
    expect(storesOf(["router", "simulator"])).toEqual([]);
    expect(storesOf(["policy", "quota"])).toEqual(
      expect.arrayContaining(Object.keys(defaultTopology)),
    );
    expect(storesOf(["quota", "telemetry"])).toEqual(["usage", "confirmed"]);
  });
});
