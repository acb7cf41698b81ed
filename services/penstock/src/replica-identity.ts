import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "@penstock/errors";

/** Who this process is among replicas. */
export interface ReplicaIdentity {
  readonly replica: string;
  /** How often it was started, this time included. */
  readonly epoch: bigint;
}

/**
 * The name given, else a random one kept in the data folder; and the start counter kept beside
 * it, which is counted up. The folder must be locked by the caller.
 *
 * @throws GatewayError FIELD_INVALID for a name that can't be part of a subject.
 */
export function takeReplicaIdentity(dataDir: string, given: string | undefined): ReplicaIdentity {
  checkReplicaName(given);
  const nameFile = join(dataDir, "replica");
  const kept = read(nameFile);
  const replica = given ?? (isName(kept) ? kept : `replica-${randomBytes(4).toString("hex")}`);
  if (given === undefined && replica !== kept) replace(nameFile, replica);
  const countFile = join(dataDir, "starts");
  const count = read(countFile);
  const epoch = (/^[0-9]{1,15}$/.test(count) ? BigInt(count) : 0n) + 1n;
  replace(countFile, String(epoch));
  return { replica, epoch };
}

/** Throws FIELD_INVALID for a name that can't be part of a subject. */
export function checkReplicaName(given: string | undefined): void {
  if (given === undefined || isName(given)) return;
  const description = "must be lower-case letters, digits and -, at most 63";
  throw new GatewayError("FIELD_INVALID", `PENSTOCK_REPLICA ${description}`, {
    source: "gateway",
    fieldViolations: [{ field: "PENSTOCK_REPLICA", description }],
  });
}

/** Names become parts of bus keys and subjects. */
function isName(text: string): boolean {
  return /^[a-z0-9][-a-z0-9]{0,62}$/.test(text);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
