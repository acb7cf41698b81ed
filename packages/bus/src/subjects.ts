import { GatewayError } from "@penstock/errors";

/** The key of the newest configuration revision in bucket `config`. */
export const headKey = "head";

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

/** The replica whose worker has a name. */
export function replicaOfWorker(name: string): string {
  return name.replace(/_\d+$/, "");
}

/** The subject on which one router replica publishes its usage events. */
export function usageSubject(replica: string): string {
  return `usage.v1.${token(replica, "replica")}`;
}

/** The key under which a consumer writes how far it got with one spool of a router. */
export function confirmedKey(consumer: string, replica: string, epoch: bigint | number): string {
  return `${token(consumer, "consumer")}.${token(replica, "replica")}.${epoch}`;
}

/**
 * The key of a resource in bucket `config`: `providers/openai` → `providers.openai`,
 * `projects/p/virtualKeys/k` → `virtualKeys.p.k`.
 *
 * @throws GatewayError FIELD_INVALID when it is not a resource name.
 */
export function configKey(resourceName: string): string {
  const parts = resourceName.split("/");
  for (const part of parts) token(part, "resource name");
  const [collection, id, nested, nestedId] = parts;
  if (parts.length === 2) return `${collection}.${id}`;
  if (parts.length === 4 && collection === "projects" && nested === "virtualKeys") {
    return `virtualKeys.${id}.${nestedId}`;
  }
  throw invalid(`not a resource name: ${clip(resourceName)}`);
}

/** The resource name of a key of bucket `config`; undefined for `head` and foreign keys. */
export function resourceNameOfKey(key: string): string | undefined {
  const parts = key.split(".");
  const [collection, first, second] = parts;
  if (collection === "virtualKeys") {
    return parts.length === 3 ? `projects/${first}/virtualKeys/${second}` : undefined;
  }
  return parts.length === 2 ? `${collection}/${first}` : undefined;
}

/** One word of a subject or key: dots would make it two words, `*` and `>` are wildcards. */
function token(text: string, what: string): string {
  if (/^[A-Za-z0-9_-]{1,128}$/.test(text)) return text;
  throw invalid(`${what} ${clip(text)} may have letters, digits, - and _ only`);
}

function invalid(message: string): GatewayError {
  return new GatewayError("FIELD_INVALID", message, { source: "gateway" });
}

function clip(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
