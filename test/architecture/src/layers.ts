const pure = ["formats", "limits", "pricing", "providers", "snapshot"];
const infrastructure = ["runtime", "observability", "rpc", "bus", "database", "config-sync"];
const all = ["api", "errors", ...pure, ...infrastructure];

/**
 * Which packages each room may import, by the last part of their names. Down or left only:
 *   4  penstock
 *   3  router  policy  quota  telemetry  simulator   (never each other)
 *   2  runtime ← observability ← rpc, bus, database ← config-sync
 *   1  formats ← providers    limits ← pricing      all four ← snapshot
 *   0  api ← errors           client (what callers install, so it brings only these two and formats)
 *   0  certificates           (made by a command and by tests; nothing that serves imports it)
 */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  "packages/api": [],
  "packages/errors": ["api"],
  // formats is pure: what moves from HTTP to gRPC is read and written by the code of the HTTP door.
  "packages/client": ["api", "errors", "formats"],
  "packages/certificates": ["errors"],
  "packages/formats": ["api", "errors"],
  "packages/limits": ["api", "errors"],
  // Prices are valid from a time on; limits has the branded times.
  "packages/pricing": ["api", "errors", "limits"],
  "packages/providers": ["api", "errors", "formats"],
  "packages/snapshot": ["api", "errors", "formats", "limits", "pricing", "providers"],
  // limits has the two branded time types, without which no clock can be described.
  "packages/runtime": ["api", "errors", "limits"],
  "packages/observability": ["api", "errors", "limits", "runtime"],
  // Its tests of TLS need certificates.
  "packages/rpc": ["api", "errors", "limits", "runtime", "observability", "certificates"],
  "packages/bus": ["api", "errors", "limits", "runtime", "observability"],
  "packages/database": ["api", "errors", "limits", "runtime", "observability"],
  "packages/config-sync": all.filter((name) => name !== "config-sync"),
  "services/router": [...all, "certificates"],
  "services/policy": all,
  "services/quota": all,
  "services/telemetry": all,
  "services/simulator": all,
  "services/penstock": [
    ...all,
    "certificates",
    "router",
    "policy",
    "quota",
    "telemetry",
    "simulator",
  ],
};

/** Rooms of layer 1: no I/O, no clock, no randomness, no Node. */
export const pureRooms: readonly string[] = pure.map((name) => `packages/${name}/`);

/** A third party and the only rooms that may know it. */
export interface Fence {
  readonly what: string;
  /** Matches the npm package name. */
  readonly packages: RegExp;
  /** Matches paths that may import it. */
  readonly rooms: RegExp;
  /** Matches further paths that may import its types, for wiring. */
  readonly typesOnlyRooms?: RegExp;
  /** Where such code belongs. */
  readonly home: string;
}

/** Tests of whole constellations (test/) may import anything; everything else keeps to these. */
export const fences: readonly Fence[] = [
  {
    what: "NATS clients",
    packages: /^(?:@nats-io\/|nats$)/,
    rooms: /^packages\/bus\/src\/nats\//,
    home: "packages/bus/src/nats/",
  },
  {
    what: "pg and PGlite",
    packages: /^(?:pg$|@electric-sql\/)/,
    rooms: /^packages\/database\//,
    home: "packages/database/",
  },
  {
    what: "kysely",
    packages: /^kysely$/,
    rooms: /^(?:packages\/database\/|services\/[^/]+\/src\/storage\/)/,
    typesOnlyRooms: /^services\/[^/]+\/src\/service\.ts$/,
    home: "the service's src/storage/",
  },
  {
    what: "grpc-js",
    packages: /^(?:@grpc\/|grpc-health-check$)/,
    rooms: /^(?:packages\/rpc\/|packages\/client\/|services\/router\/src\/listeners\/)/,
    home: "packages/rpc/, packages/client/ or services/router/src/listeners/",
  },
  {
    what: "Connect",
    packages: /^@connectrpc\//,
    rooms: /^(?:packages\/rpc\/|services\/[^/]+\/src\/api\/)/,
    typesOnlyRooms: /^services\/[^/]+\/(?:index|src\/(?:service|compose))\.ts$/,
    home: "packages/rpc/ or the service's src/api/",
  },
  {
    what: "the OpenTelemetry SDK",
    packages: /^@opentelemetry\/(?!api$)/,
    rooms: /^packages\/observability\//,
    home: "packages/observability/",
  },
  {
    what: "the OpenTelemetry API",
    packages: /^@opentelemetry\/api$/,
    rooms:
      /^(?:packages\/(?:runtime|observability|rpc|bus|database|config-sync)|services\/[^/]+)\//,
    home: "layer 2 or above",
  },
  {
    what: "SDKs of Amazon",
    packages: /^@(?:aws-sdk|smithy)\//,
    // Tests hold our frames against Amazon's.
    rooms:
      /^(?:services\/router\/src\/upstream\/|packages\/formats\/src\/bedrock-converse\/.*\.test\.ts$)/,
    home: "services/router/src/upstream/",
  },
  {
    what: "undici",
    packages: /^undici$/,
    rooms: /^services\/router\/src\/upstream\//,
    home: "services/router/src/upstream/",
  },
  {
    what: "the SDKs of clouds",
    packages: /^google-auth-library$/,
    rooms: /^services\/router\/src\/upstream\//,
    home: "services/router/src/upstream/",
  },
  {
    what: "commander and yaml",
    packages: /^(?:commander|yaml)$/,
    rooms: /^services\/penstock\//,
    home: "services/penstock/",
  },
  {
    what: "X.509",
    packages: /^(?:@peculiar\/x509|reflect-metadata)$/,
    rooms: /^packages\/certificates\//,
    home: "packages/certificates/",
  },
  {
    what: "test libraries",
    packages: /^(?:vitest|fast-check|openai)$/,
    rooms: /(?:\.test\.ts$|\/conformance\/)/,
    home: "a test file or a conformance/ folder",
  },
];
