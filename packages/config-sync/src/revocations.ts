import type { ConfigEntry } from "@penstock/api";
import { kindOfName, messageOf } from "@penstock/snapshot";

/** Whether an entry ends a virtual key: it was revoked or deleted. */
export function endsVirtualKey({ name, resource }: ConfigEntry): boolean {
  if (kindOfName(name) !== "virtualKey") return false;
  return resource === undefined || messageOf(resource, "virtualKey")?.revokeTime !== undefined;
}
