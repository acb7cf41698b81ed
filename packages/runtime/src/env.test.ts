import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayError } from "@penstock/errors";
import { afterAll, describe, expect, expectTypeOf, it } from "vitest";
import { readEnvironment } from "./env.ts";
import type { ReadEnvironmentOptions } from "./env.ts";
import type { Secret } from "./secret.ts";

const spec = {
  host: { name: "PENSTOCK_BIND_ADDRESS", kind: "string", default: "127.0.0.1" },
  mode: { name: "PENSTOCK_MODE", kind: "string", allowed: ["open", "closed"] },
  port: { name: "PENSTOCK_HTTP_PORT", kind: "port", default: 8080 },
  workers: { name: "PENSTOCK_ROUTER_WORKERS", kind: "integer", min: 1, max: 64 },
  reflection: { name: "PENSTOCK_REFLECTION", kind: "boolean", default: false },
  drain: { name: "PENSTOCK_DRAIN", kind: "duration", default: 5_000, max: 600_000 },
  busUrl: { name: "PENSTOCK_BUS_URL", kind: "url", schemes: ["nats", "tls"] },
  token: { name: "PENSTOCK_SERVICE_TOKEN", kind: "secret", required: true },
} as const;

const token = { PENSTOCK_SERVICE_TOKEN: "canary" };

function failure(
  environment: Record<string, string>,
  options: ReadEnvironmentOptions = {},
): GatewayError {
  try {
    readEnvironment(spec, { ...options, environment });
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("no problem was found");
}

describe("readEnvironment", () => {
  it("gives defaults, typed and frozen", () => {
    const values = readEnvironment(spec, { environment: { ...token, PENSTOCK_MODE: "" } });
    expect(values).toMatchObject({ host: "127.0.0.1", port: 8080, drain: 5_000 });
    expect(values.mode).toBeUndefined();
    expect(values.token.reveal()).toBe("canary");
    expect(Object.isFrozen(values)).toBe(true);
    expectTypeOf(values.port).toEqualTypeOf<number>();
    expectTypeOf(values.workers).toEqualTypeOf<number | undefined>();
    expectTypeOf(values.token).toEqualTypeOf<Secret>();
    expectTypeOf(values.busUrl).toEqualTypeOf<string | undefined>();
  });

  it("reads every kind", () => {
    const values = readEnvironment(spec, {
      environment: {
        ...token,
        PENSTOCK_BIND_ADDRESS: "0.0.0.0",
        PENSTOCK_MODE: "closed",
        PENSTOCK_HTTP_PORT: "0",
        PENSTOCK_ROUTER_WORKERS: "64",
        PENSTOCK_REFLECTION: "Yes",
        PENSTOCK_DRAIN: "1.5m",
        PENSTOCK_BUS_URL: "nats://127.0.0.1:4222",
      },
    });
    expect({ ...values, token: undefined }).toEqual({
      host: "0.0.0.0",
      mode: "closed",
      port: 0,
      workers: 64,
      reflection: true,
      drain: 90_000,
      busUrl: "nats://127.0.0.1:4222",
      token: undefined,
    });
  });

  it("reports all problems in one error and no secret", () => {
    const error = failure({
      PENSTOCK_MODE: "ajar",
      PENSTOCK_HTTP_PORT: "70000",
      PENSTOCK_ROUTER_WORKERS: "2.5",
      PENSTOCK_REFLECTION: "maybe",
      PENSTOCK_DRAIN: "11m",
      PENSTOCK_BUS_URL: "http://user:canary@host",
    });
    expect(error.reason).toBe("FIELD_INVALID");
    expect(error.fieldViolations?.map((violation) => violation.field)).toEqual([
      "PENSTOCK_MODE",
      "PENSTOCK_HTTP_PORT",
      "PENSTOCK_ROUTER_WORKERS",
      "PENSTOCK_REFLECTION",
      "PENSTOCK_DRAIN",
      "PENSTOCK_BUS_URL",
      "PENSTOCK_SERVICE_TOKEN",
    ]);
    expect(error.message).toContain("PENSTOCK_HTTP_PORT must be a port number from 0 to 65535");
    expect(error.message).not.toContain("canary");
  });

  it.each([
    ["PENSTOCK_ROUTER_WORKERS", "0"],
    ["PENSTOCK_ROUTER_WORKERS", "0x10"],
    ["PENSTOCK_ROUTER_WORKERS", "1e3"],
    ["PENSTOCK_HTTP_PORT", "-1"],
    ["PENSTOCK_DRAIN", "5"],
    ["PENSTOCK_DRAIN", "5 s"],
    ["PENSTOCK_BUS_URL", "somewhere"],
  ])("refuses %s=%s", (name, text) => {
    expect(failure({ ...token, [name]: text }).fieldViolations).toHaveLength(1);
  });

  it("takes customary names, our own first, and blames the name that was used", () => {
    const read = (environment: Record<string, string>): string | undefined =>
      readEnvironment(spec, { environment: { ...token, ...environment } }).busUrl;
    expect(read({ NATS_URL: "nats://a" })).toBe("nats://a");
    expect(read({ NATS_URL: "nats://a", PENSTOCK_BUS_URL: "nats://b" })).toBe("nats://b");
    expect(failure({ ...token, NATS_URL: "x" }).fieldViolations?.[0]?.field).toBe("NATS_URL");
  });
});

describe("a variable that names a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "penstock-env-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  it("has the value that the file holds, without the line break at its end", () => {
    const environment = {
      PENSTOCK_SERVICE_TOKEN_FILE: file("token", "canary\n"),
      PENSTOCK_HTTP_PORT_FILE: file("port", "81"),
      NATS_URL_FILE: file("bus", "nats://bus:4222\n"),
    };
    const values = readEnvironment(spec, { environment });
    expect(values.token.reveal()).toBe("canary");
    expect(values).toMatchObject({ port: 81, busUrl: "nats://bus:4222" });
  });

  it("is a problem when the file is missing or empty, or both are set; values are not told", () => {
    const missing = join(folder, "nothing");
    const empty = file("empty", "\n");
    const { fieldViolations, message } = failure({
      PENSTOCK_SERVICE_TOKEN_FILE: missing,
      PENSTOCK_MODE_FILE: empty,
      PENSTOCK_BUS_URL: "nats://u:canary@bus",
      PENSTOCK_BUS_URL_FILE: file("other", "nats://u:canary@bus"),
      PENSTOCK_HTTP_PORT_FILE: file("wrong", "canary"),
    });
    expect(fieldViolations.map(({ field }) => field).toSorted()).toEqual([
      "PENSTOCK_BUS_URL",
      "PENSTOCK_HTTP_PORT_FILE",
      "PENSTOCK_MODE_FILE",
      "PENSTOCK_SERVICE_TOKEN_FILE",
    ]);
    expect(message).toContain(`PENSTOCK_SERVICE_TOKEN_FILE names ${missing}`);
    expect(message).toContain("(ENOENT)");
    expect(message).toContain("PENSTOCK_BUS_URL is set, and PENSTOCK_BUS_URL_FILE too");
    expect(message).not.toContain("u:canary");
  });
});
