import { VirtualKeySchema } from "@penstock/api";
import { defineKind } from "./resource-kind.ts";

/**
 * The secrets and the revocation of a virtual key are Penstock's alone, so that no update can
 * bring a revoked key back or plant a known hash.
 */
export const virtualKeyKind = defineKind({
  case: "virtualKey",
  collection: "virtualKeys",
  schema: VirtualKeySchema,
  etagRequired: true,
  keepOutputOnly: (next, stored) => {
    next.credentials = stored?.credentials ?? [];
    if (stored?.revokeTime === undefined) delete next.revokeTime;
    else next.revokeTime = stored.revokeTime;
  },
  removeSecrets: (copy) => {
    for (const credential of copy.credentials) credential.sha256 = new Uint8Array(0);
  },
});
