import { readEnvironment } from "@penstock/runtime";

/** Settings of a router. Ports may be 0: a free one is taken. */
export interface RouterConfig {
  readonly bindAddress: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly adminPort: number;
  /** Folder for the spool and the last good configuration. */
  readonly dataDir: string;
  /** Name of the replica; the worker's is `<replica>/<worker>`. */
  readonly replica: string;
  /** Name of the worker within the replica. */
  readonly worker: string;
  /** Whether the gRPC door describes itself by reflection. */
  readonly reflection: boolean;
  /**
   * Longest wait of a request for the quota service, where a lease has no room; then the quota's
   * `on_unavailable` decides. Unit: milliseconds.
   */
  readonly quotaWaitMs: number;
}

const spec = {
  bindAddress: { name: "PENSTOCK_BIND_ADDRESS", kind: "string", default: "127.0.0.1" },
  httpPort: { name: "PENSTOCK_HTTP_PORT", kind: "port", default: 8080 },
  grpcPort: { name: "PENSTOCK_GRPC_PORT", kind: "port", default: 8081 },
  adminPort: { name: "PENSTOCK_ADMIN_PORT", kind: "port", default: 8083 },
  dataDir: { name: "PENSTOCK_DATA_DIR", kind: "string", default: ".penstock" },
  reflection: { name: "PENSTOCK_GRPC_REFLECTION", kind: "boolean", default: true },
  // Decisions §6: a network round trip and a transaction have room in it.
  quotaWaitMs: { name: "PENSTOCK_QUOTA_WAIT", kind: "duration", default: 150, min: 1, max: 5_000 },
} as const;

/**
 * Reads a router's settings from the environment. Throws FIELD_INVALID that lists every problem.
 */
export function readRouterConfig(identity: {
  readonly replica: string;
  readonly worker: string;
}): RouterConfig {
  return { ...readEnvironment(spec), ...identity };
}
