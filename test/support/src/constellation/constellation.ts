import type {
  ApplyResourcesResponse,
  BalanceService,
  GetRequestResponse,
  LedgerService,
  RouterService,
} from "@penstock/api";
import type { PenstockClient } from "@penstock/client";
import type { ControlClients } from "@penstock/penstock";
import type { Client } from "@penstock/rpc";
import type { Simulator, SimulatedVendor } from "@penstock/simulator";
import type { Transcript } from "../callers/transcript.ts";
import type { InvariantName } from "../checks/invariants.ts";
import type { OtlpReceiver } from "../traces/otlp-receiver.ts";
import { startEmbedded } from "./embedded.ts";
import { startServers } from "./servers.ts";
import { currentShape } from "./shape.ts";

/** What a constellation starts with. */
export interface ConstellationOptions {
  /** Vendors of its simulator; alpha and beta with their two models each when absent. */
  readonly vendors?: Readonly<Record<string, SimulatedVendor>>;
  /** Manifests to apply, given the address of the simulator. */
  readonly resources?: (simulatorUrl: string) => string;
  /** Variables of this process and of every role as long as the constellation runs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A NATS server or cluster of the test's; `startConstellation` is embedded but for it then. */
  readonly busUrl?: string;
  /** A PostgreSQL database for a constellation that is embedded but for it. */
  readonly databaseUrl?: string;
  /** For routers in other processes; a random one when absent. */
  readonly serviceToken?: string;
  /** Where spans go; nowhere when absent. */
  readonly otlp?: OtlpReceiver;
  /** Invariants that `close` does not check, each with the reason. */
  readonly exempt?: Readonly<Partial<Record<InvariantName, string>>>;
}

/** The doors of one router. */
export interface RouterDoors {
  readonly httpUrl: string;
  readonly grpcAddress: string;
  readonly adminUrl: string;
  readonly client: Client<typeof RouterService>;
}

/** A whole gateway on free ports, in this process or in many. */
export interface Constellation {
  readonly shape: "embedded" | "servers";
  /** Of the next router in turn, whenever it is read. */
  readonly httpUrl: string;
  readonly grpcAddress: string;
  /** Of policy; in the embedded shape of all control services. */
  readonly controlUrl: string;
  readonly quotaUrl: string;
  readonly telemetryUrl: string;
  /** Of the first router. */
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly simulator: Simulator;
  readonly control: ControlClients;
  readonly balances: Client<typeof BalanceService>;
  readonly ledger: Client<typeof LedgerService>;
  /** Of the first router. */
  readonly router: Client<typeof RouterService>;
  readonly routers: readonly RouterDoors[];
  /** Every line that was logged. */
  readonly logLines: readonly string[];
  /** What callers saw who were given this, one of its routers or one of its gRPC clients. */
  readonly transcripts: readonly Transcript[];
  /** Applies manifests and waits until every router uses them. */
  apply(yaml: string): Promise<ApplyResourcesResponse>;
  /** Issues `projects/<project>/virtualKeys/<key>`, waits until it works, gives its clear text. */
  issueKey(name: string, fields?: KeyFields): Promise<string>;
  /** Waits until every router that runs has this revision. */
  waitForRevision(revision: bigint): Promise<void>;
  /**
   * A client of the gRPC door of the next router in turn, of the one given, or balanced over those
   * given. Closed with the constellation.
   */
  grpcClient(key: string, router?: RouterDoors | readonly RouterDoors[]): PenstockClient;
  /** All that is known about a request, as soon as it is. */
  request(requestId: string): Promise<GetRequestResponse>;
  /** Checks the invariants, then ends everything. Rejects with those that are broken. */
  close(): Promise<void>;
}

/** What of a virtual key tests set. */
export interface KeyFields {
  readonly trustTraceContext?: boolean;
  readonly maxConcurrentRequests?: number;
  readonly keepaliveInterval?: { readonly seconds: bigint; readonly nanos: number };
}

/**
 * Starts one in the shape that the lane of this test asks for: all roles in this process within
 * half a second, most of it for the database, or each in its own on NATS and PostgreSQL.
 */
export async function startConstellation(
  options: ConstellationOptions = {},
): Promise<Constellation> {
  // A test that brings a server of its own says with that which shape it is about.
  const isOwn = options.busUrl !== undefined || options.databaseUrl !== undefined;
  if (isOwn || currentShape() === "embedded") return await startEmbedded(options);
  return await startServers(options);
}
