import type { Settings } from "@penstock/runtime";

const httpUrl = { kind: "url", schemes: ["http", "https"] } as const;
const all = ["all"] as const;
const storing = ["policy", "quota", "telemetry"] as const;
const control = [...storing, "commands"] as const;

/** What `start` reads. Flags have the same checks. */
export const startVariables = {
  role: {
    name: "PENSTOCK_ROLES",
    kind: "string",
    roles: all,
    otherwise: "all of them in one process",
    meaning:
      "What the process is, with commas: router, policy, quota, telemetry, simulator; or migrate " +
      "alone, which migrates the database and ends.",
  },
  httpPort: {
    name: "PENSTOCK_HTTP_PORT",
    kind: "port",
    default: 8080,
    roles: ["router"],
    meaning: "Door of callers: the APIs of OpenAI and Anthropic. 0 takes any free one.",
  },
  grpcPort: {
    name: "PENSTOCK_GRPC_PORT",
    kind: "port",
    default: 8081,
    roles: ["router"],
    meaning: "Door of callers: gRPC. 0 takes any free one.",
  },
  controlPort: {
    name: "PENSTOCK_CONTROL_PORT",
    kind: "port",
    default: 8082,
    roles: storing,
    meaning: "Services of the role, its health and metrics. 0 takes any free one.",
  },
  adminPort: {
    name: "PENSTOCK_ADMIN_PORT",
    kind: "port",
    default: 8083,
    roles: ["router"],
    meaning: "Health, metrics and explanations of a router. 0 takes any free one.",
  },
  simulatorPort: {
    name: "PENSTOCK_SIMULATOR_PORT",
    kind: "port",
    default: 8084,
    roles: ["simulator"],
    meaning: "Simulated vendors. 0 takes any free one.",
  },
  dataDir: {
    name: "PENSTOCK_DATA_DIR",
    kind: "string",
    default: ".penstock",
    roles: ["all", "commands"],
    meaning:
      "Folder of everything that the process keeps on its disk: the spool, the last good " +
      "configuration, the embedded database.",
  },
  bindAddress: {
    name: "PENSTOCK_BIND_ADDRESS",
    kind: "string",
    default: "127.0.0.1",
    roles: all,
    meaning: "Address that all ports are opened at; 0.0.0.0 or :: for other machines.",
  },
  adminToken: {
    name: "PENSTOCK_ADMIN_TOKEN",
    kind: "secret",
    roles: ["policy", "commands"],
    otherwise: "in one process: made at the first start",
    meaning: "Token of the first administrator, and what commands show.",
  },
  serviceToken: {
    name: "PENSTOCK_SERVICE_TOKEN",
    kind: "secret",
    roles: all,
    otherwise: "in one process: a random one",
    meaning: "By which processes of one installation know each other; the same in all.",
  },
  replica: {
    name: "PENSTOCK_REPLICA",
    kind: "string",
    roles: ["router"],
    otherwise: "a random one, kept in the data folder",
    meaning: "Name of this router, its own and the same after every restart.",
  },
  busUrl: {
    name: "PENSTOCK_BUS_URL",
    kind: "string",
    roles: all,
    otherwise: "in one process: inside of it",
    meaning:
      "NATS: nats:// or tls://, more than one with commas. NATS_URL is read where it is absent.",
  },
  busCredentials: {
    name: "PENSTOCK_BUS_CREDENTIALS",
    kind: "string",
    roles: all,
    meaning: "File with the NATS user of this process; it wins over the user in the URL.",
  },
  busCa: {
    name: "PENSTOCK_BUS_CA",
    kind: "string",
    roles: all,
    otherwise: "those that Node trusts",
    meaning: "File with the authorities that NATS's certificate is checked with.",
  },
  busReplicas: {
    name: "PENSTOCK_BUS_REPLICAS",
    kind: "integer",
    min: 1,
    max: 5,
    unit: "copies",
    roles: storing,
    otherwise: "3 on a cluster, else 1",
    meaning: "Copies of streams and buckets in a cluster of NATS.",
  },
  databaseUrl: {
    name: "PENSTOCK_DATABASE_URL",
    kind: "string",
    roles: control,
    otherwise: "in one process: in the data folder",
    meaning:
      "PostgreSQL: postgres://…, sslmode as in libpq. DATABASE_URL is read where it is absent.",
  },
  policyUrl: {
    name: "PENSTOCK_POLICY_URL",
    ...httpUrl,
    roles: ["router", "quota", "telemetry", "commands"],
    meaning: "Policy, where it is another process.",
  },
  quotaUrl: {
    name: "PENSTOCK_QUOTA_URL",
    ...httpUrl,
    roles: ["router", "commands"],
    otherwise: "for commands: where policy is",
    meaning: "Quota, where it is another process.",
  },
  telemetryUrl: {
    name: "PENSTOCK_TELEMETRY_URL",
    ...httpUrl,
    roles: ["commands"],
    otherwise: "where policy is",
    meaning: "Telemetry, where it is another process.",
  },
  reflection: {
    name: "PENSTOCK_REFLECTION",
    kind: "boolean",
    roles: ["router"],
    otherwise: "on in one process, off for roles",
    meaning: "Whether the gRPC door describes itself to those who ask by reflection.",
  },
  migrate: {
    name: "PENSTOCK_MIGRATE",
    kind: "boolean",
    roles: storing,
    otherwise: "on in one process, off for roles",
    meaning: "Whether the start migrates the database first.",
  },
  quotaWait: {
    name: "PENSTOCK_QUOTA_WAIT",
    kind: "duration",
    min: 1,
    max: 5_000,
    roles: ["router"],
    otherwise: "1500ms in one process; else 150ms, 500ms where quota answered a moment ago",
    meaning: "Longest wait of a request for quota; then the limit's `onUnavailable` decides.",
  },
  drainGrace: {
    name: "PENSTOCK_DRAIN_GRACE",
    kind: "duration",
    max: 60_000,
    roles: all,
    otherwise: "0s in one process, 5s for roles",
    meaning: "How long a process that ends still accepts, until load balancers have heard of it.",
  },
  drainTimeout: {
    name: "PENSTOCK_DRAIN_TIMEOUT",
    kind: "duration",
    max: 3_600_000,
    roles: all,
    otherwise: "5s in one process; 120s with a router, 30s without",
    meaning: "How long what is open may go on when the process ends.",
  },
  openaiKey: {
    name: "OPENAI_API_KEY",
    kind: "secret",
    roles: all,
    meaning: "In one process: the first start registers OpenAI with this key, too.",
  },
} as const satisfies Settings;
