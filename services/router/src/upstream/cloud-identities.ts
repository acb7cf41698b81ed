import type { CloudIdentity } from "./cloud-identity.ts";

/** The clouds whose own identity can stand for a provider's key; the only list of them. */
export const cloudIdentities: readonly CloudIdentity[] = [];
