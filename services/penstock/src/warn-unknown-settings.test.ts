import { expect, it } from "vitest";
import { warnUnknownSettings } from "./warn-unknown-settings.ts";

function warningsOf(environment: Readonly<Record<string, string>>) {
  const warnings: Readonly<Record<string, unknown>>[] = [];
  const warn = (message: string, fields = {}): void => void warnings.push({ message, ...fields });
  warnUnknownSettings({ warn }, { environment });
  return warnings;
}

it("warns of each variable that is no setting, with the setting that was meant", () => {
  const message = "a variable of the environment is no setting and changes nothing";
  expect(warningsOf({ PENSTOCK_HTPP_PORT: "9", PENSTOCK_MINE_ALONE: "canary" })).toEqual([
    { message, variable: "PENSTOCK_HTPP_PORT", nearest: "PENSTOCK_HTTP_PORT" },
    { message, variable: "PENSTOCK_MINE_ALONE" },
  ]);
});

it("knows the settings of all roles, what callers have from demo.env, and the tests' own", () => {
  const environment = {
    PENSTOCK_SPOOL_BYTES: "2000000",
    PENSTOCK_DATABASE_URL_FILE: "/run/secrets/database-url",
    PENSTOCK_POLICY_HOUSEKEEPING_INTERVAL: "5s",
    PENSTOCK_GRPC_ADDRESS: "127.0.0.1:8081",
    PENSTOCK_API_KEY: "psk",
    PENSTOCK_TEST_REQUIRE: "nats",
    PENSTOCK_SERVICE_PORT: "8080",
  };
  expect(warningsOf(environment)).toEqual([]);
});

it("has so many lines at most", () => {
  const names = Array.from({ length: 25 }, (_, index) => [`PENSTOCK_MINE_${index}`, "1"]);
  const warnings = warningsOf(Object.fromEntries(names) as Record<string, string>);
  expect(warnings).toHaveLength(21);
  expect(warnings.at(-1)).toMatchObject({ more: 5 });
});
