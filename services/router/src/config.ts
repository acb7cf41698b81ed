import type { TlsServerFiles } from "@penstock/rpc";
import type { Settings } from "@penstock/runtime";
import { readEnvironment } from "@penstock/runtime";

/** Settings of a router. Ports may be 0: a free one is taken. */
export interface RouterConfig {
  readonly bindAddress: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Undefined: none is opened; in a group of workers their primary speaks for all of them. */
  readonly adminPort: number | undefined;
  /** Folder for the spool and the last good configuration. */
  readonly dataDir: string;
  /** Name of the replica; the worker's is `<replica>/<worker>`. */
  readonly replica: string;
  /** Index of the worker within the replica, from "0"; the same after every restart. */
  readonly worker: string;
  /** Workers of the replica; 1 when absent. The first adopts the spools of those beyond. */
  readonly workers?: number | undefined;
  /** Whether the gRPC door describes itself by reflection. */
  readonly reflection: boolean;
  /**
   * Longest wait of a request for the quota service, where a lease has no room; then the quota's
   * `on_unavailable` decides. Unit: milliseconds.
   */
  readonly quotaWaitMs: number;
  /**
   * The same where quota is known to live: its last answer came within this time, and nobody was
   * left without one since. `quotaWaitMs` when absent. Unit: milliseconds.
   */
  readonly aliveQuotaWaitMs?: number | undefined;
  /**
   * What a request waits for before its provider is called, and before the last bytes of its answer:
   *
   * - `disk`, when absent: that its record is written to the spool. It survives every death of the
   *   process. A power loss, or a crash of the machine, can lose at most the last 50 ms; quotas
   *   with `durability: SYNCED` wait for the disk and lose nothing then. The loss of the disk
   *   itself loses what was not published, normally some milliseconds.
   * - `bus_ack`, for where the disk goes with the machine: also that the bus has acknowledged it.
   *   It survives the loss of the router and its disk: a request that ran is recorded as
   *   interrupted by the next life of the replica, or by any other router after 20 minutes.
   */
  readonly usageDurability?: UsageDurability | undefined;
  /** Size of all spools of the replica from which on no request begins; 2 GiB when absent. */
  readonly spoolBytes?: number | undefined;
  /**
   * How long a router that drains still accepts, until load balancers have heard of it; none when
   * absent. Unit: milliseconds.
   */
  readonly drainGraceMs?: number | undefined;
  /** Files of the doors' TLS, and of the admin port's; each is cleartext when absent. */
  readonly tls?: { readonly doors?: TlsFiles; readonly admin?: TlsFiles } | undefined;
}

type TlsFiles = TlsServerFiles | undefined;

/** See `RouterConfig.usageDurability`. */
export type UsageDurability = "disk" | "bus_ack";

/** The settings that say how usage is kept. */
export type RouterEndurance = Pick<RouterConfig, "usageDurability" | "spoolBytes">;

const mebibyte = 1024 * 1024;

/** The variables of the router that say how usage is kept. */
export const routerEnvironment = {
  usageDurability: {
    name: "PENSTOCK_USAGE_DURABILITY",
    kind: "string",
    default: "disk",
    allowed: ["disk", "bus_ack"],
    roles: ["router"],
    meaning:
      "What a request waits for before its provider is called: the router's disk, or also that " +
      "NATS has acknowledged its record, for where the disk goes with the machine.",
  },
  // reliability §2.9: 3 to 4 million records.
  spoolBytes: {
    name: "PENSTOCK_SPOOL_BYTES",
    kind: "integer",
    default: 2_048 * mebibyte,
    min: mebibyte,
    unit: "bytes",
    roles: ["router"],
    meaning: "Size of all spools of the router from which on no request begins.",
  },
} as const satisfies Settings;

/**
 * Reads PENSTOCK_USAGE_DURABILITY and PENSTOCK_SPOOL_BYTES. Throws FIELD_INVALID that lists every
 * problem.
 */
export function readRouterEndurance(
  environment?: Readonly<Record<string, string | undefined>>,
): RouterEndurance {
  const values = readEnvironment(
    routerEnvironment,
    environment === undefined ? {} : { environment },
  );
  return { ...values, usageDurability: values.usageDurability as UsageDurability };
}
