import { GatewayError } from "@penstock/errors";
import type { ErrorReason } from "@penstock/errors";

/** Quota says of a sync that it can't be taken as it is: a field, its size, its number. */
const refusals: ReadonlySet<ErrorReason> = new Set<ErrorReason>([
  "FIELD_INVALID",
  "REQUEST_TOO_LARGE",
  "FAILED_PRECONDITION",
]);

/** A connection that was reset says INTERNAL, too; a database that refuses the sync says no other. */
const triesUntilLasting = 3;

/** Whether quota takes no sync of this life at all: its epoch is too far ahead of quota's clock. */
export function isEpochRefusal(error: unknown): boolean {
  if (!(error instanceof GatewayError) || error.reason !== "FIELD_INVALID") return false;
  return error.fieldViolations.some(({ field }) => field === "epoch");
}

/** Whether the same sync would fail the same way again; `tries` counts those that failed. */
export function isRefusal(error: unknown, tries: number): boolean {
  if (!(error instanceof GatewayError)) return false;
  return refusals.has(error.reason) || (error.reason === "INTERNAL" && tries >= triesUntilLasting);
}

/** What quota says to who may not sync with it: its token or certificate is not known there. */
const callerRefusals: ReadonlySet<ErrorReason> = new Set<ErrorReason>([
  "ADMIN_UNAUTHENTICATED",
  "ADMIN_PERMISSION_DENIED",
]);

/** Why quota takes nothing from this process; undefined: that is not what it says. */
export function callerRefusal(error: unknown): ErrorReason | undefined {
  if (!(error instanceof GatewayError)) return undefined;
  return callerRefusals.has(error.reason) ? error.reason : undefined;
}
