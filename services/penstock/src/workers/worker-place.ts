import cluster from "node:cluster";
import { readEnvironmentVariable } from "@penstock/runtime";
import type { ReplicaIdentity } from "../replica-identity.ts";

/** Which of the workers of a router a process is. */
export interface WorkerPlace {
  /** From 0; the same after every restart, and with it all names of the worker. */
  readonly index: number;
  /** Workers of the router. */
  readonly workers: number;
  readonly identity: ReplicaIdentity;
  /** Ports that all workers share; none is 0. */
  readonly ports: { readonly http: number; readonly grpc: number };
}

/** Set by the primary for its workers alone. */
const variable = "PENSTOCK_ROUTER_WORKER";

/** The environment that tells a worker its place. */
export function environmentOfWorker(place: WorkerPlace): Record<string, string> {
  const { epoch } = place.identity;
  const identity = { ...place.identity, epoch: String(epoch) };
  return { [variable]: JSON.stringify({ ...place, identity }) };
}

/** The place of this process; undefined in one that is no worker. */
export function placeOfThisWorker(): WorkerPlace | undefined {
  const text = cluster.isWorker ? readEnvironmentVariable(variable) : undefined;
  if (text === undefined) return undefined;
  const place = JSON.parse(text) as WorkerPlace & { identity: { epoch: string } };
  return { ...place, identity: { ...place.identity, epoch: BigInt(place.identity.epoch) } };
}
