/**
 * Name of a worker where replicas have names: on the usage stream, in the keys of confirmations, in
 * its report of the configuration. The first worker bears the replica's own name, so that a router
 * can get more workers, or fewer, and go on counting; the others `<replica>_<index>`, which no
 * replica can be called: their names have no underscore. The index, and with it the name, is the
 * same after every restart.
 */
export function workerName(replica: string, worker: string): string {
  return worker === "0" ? replica : `${replica}_${worker}`;
}

/** Name of a worker as holder of leases. */
export function holderName(replica: string, worker: string): string {
  return `${replica}/${worker}`;
}
