import { create, toJsonString } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { AuditEvent } from "@penstock/api";
import { AuditEventSchema, ResourceSchema } from "@penstock/api";
import { newUuidV7 } from "@penstock/runtime";
import { withoutSecrets } from "../resources/kinds.ts";
import type { PlannedChange } from "./intent.ts";
import type { StoredResource } from "./resource-table.ts";

/** Who asked for a change, how and why. */
export interface ChangeOrigin {
  /** Name of the identity. */
  readonly actor: string;
  /** `package.Service/Method`. */
  readonly method: string;
  /** Id of the RPC's request. */
  readonly requestId: string;
  readonly reason?: string;
}

/** One event for each resource that changes. */
export function auditEventsOf(
  changes: readonly PlannedChange[],
  origin: ChangeOrigin,
  revision: bigint,
  nowMs: number,
): AuditEvent[] {
  return changes
    .filter(({ change }) => change !== "unchanged")
    .map(({ name, before, after }) =>
      create(AuditEventSchema, {
        id: newUuidV7(),
        time: timestampFromMs(nowMs),
        actor: origin.actor,
        method: origin.method,
        resource: name,
        revision,
        requestId: origin.requestId,
        beforeJson: toAuditJson(before),
        afterJson: toAuditJson(after),
        reason: origin.reason ?? "",
      }),
    );
}

function toAuditJson(stored: StoredResource | undefined): string {
  return stored === undefined ? "" : toJsonString(ResourceSchema, withoutSecrets(stored.resource));
}
