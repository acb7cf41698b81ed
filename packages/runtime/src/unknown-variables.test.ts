import { expect, it } from "vitest";
import { unknownVariables } from "./unknown-variables.ts";

const known = ["PENSTOCK_HTTP_PORT", "PENSTOCK_GRPC_PORT", "PENSTOCK_QUOTA_WAIT"];

function find(...names: string[]): (readonly [string, string | undefined])[] {
  const environment = Object.fromEntries(names.map((name) => [name, "1"]));
  const options = { prefix: "PENSTOCK_", known };
  return unknownVariables(environment, options).map(({ name, nearest }) => [name, nearest]);
}

it("names the setting that was probably meant", () => {
  expect(
    find(
      "PENSTOCK_HTPP_PORT",
      "PENSTOCK_GRPCPORT",
      "PENSTOCK_QUOTA_WIAT",
      "PENSTOCK_QUOTA_WAIT_FIEL",
    ),
  ).toEqual([
    ["PENSTOCK_GRPCPORT", "PENSTOCK_GRPC_PORT"],
    ["PENSTOCK_HTPP_PORT", "PENSTOCK_HTTP_PORT"],
    ["PENSTOCK_QUOTA_WAIT_FIEL", "PENSTOCK_QUOTA_WAIT_FILE"],
    ["PENSTOCK_QUOTA_WIAT", "PENSTOCK_QUOTA_WAIT"],
  ]);
  expect(
    find("PENSTOCK_ALPHA_KEY", `PENSTOCK_${"X".repeat(1_000)}`).map(([, name]) => name),
  ).toEqual([undefined, undefined]);
});

it("says nothing of settings, of those in files, of other programs' and of empty ones", () => {
  expect(find("PENSTOCK_HTTP_PORT", "PENSTOCK_QUOTA_WAIT_FILE", "HOME", "MY_PENSTOCK_X")).toEqual(
    [],
  );
  expect(unknownVariables({ PENSTOCK_X: "" }, { prefix: "PENSTOCK_", known })).toEqual([]);
});

it("says nothing of what Kubernetes sets for a Service with such a name", () => {
  const links = {
    PENSTOCK_SERVICE_HOST: "10.0.0.1",
    PENSTOCK_SERVICE_PORT: "8080",
    PENSTOCK_SERVICE_PORT_HTTP: "8080",
    PENSTOCK_PORT: "tcp://10.0.0.1:8080",
    PENSTOCK_PORT_8080_TCP: "tcp://10.0.0.1:8080",
    PENSTOCK_PORT_8080_TCP_ADDR: "10.0.0.1",
    PENSTOCK_QUOTA_PORT_8082_TCP_PROTO: "tcp",
  };
  expect(unknownVariables(links, { prefix: "PENSTOCK_", known })).toEqual([]);
  const port = unknownVariables({ PENSTOCK_PORT: "8080" }, { prefix: "PENSTOCK_", known });
  expect(port).toMatchObject([{ name: "PENSTOCK_PORT" }]);
});
