import type { StoreName } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import type { Door } from "./settings.ts";

/** What a process can be, in the order in which roles are named. */
export const roleNames = ["router", "policy", "quota", "telemetry", "simulator"] as const;

/** One role. */
export type Role = (typeof roleNames)[number];

/** Roles that keep something in the database. */
export const storingRoles: readonly Role[] = ["policy", "quota", "telemetry"];

const doorsOfRole: Readonly<Record<Role, readonly Door[]>> = {
  router: ["http", "grpc", "admin"],
  policy: ["control"],
  quota: ["control"],
  telemetry: ["control"],
  simulator: ["simulator"],
};

const storesOfRole: Readonly<Record<Role, readonly StoreName[]>> = {
  router: [],
  policy: ["config", "routers", "intents", "hints"],
  quota: ["usage", "confirmed"],
  telemetry: ["usage", "confirmed"],
  simulator: [],
};

/** What a process with these roles makes on the bus, as in deploy/nats/nats-server.conf. */
export function storesOf(roles: readonly Role[]): StoreName[] {
  return [...new Set(roles.flatMap((role) => storesOfRole[role]))];
}

/** The doors that a process with these roles opens. */
export function doorsOf(roles: readonly Role[]): Door[] {
  return [...new Set(roles.flatMap((role) => doorsOfRole[role]))];
}

/**
 * Reads a list such as `router,policy`; undefined where none is given: everything in one process.
 *
 * @throws GatewayError FIELD_INVALID for a role that does not exist.
 */
export function readRoles(text: string | undefined): readonly Role[] | undefined {
  if (text === undefined) return undefined;
  const given = text.split(",").map((name) => name.trim());
  const unknown = given.filter((name) => !roleNames.some((role) => role === name));
  if (unknown.length === 0) return roleNames.filter((role) => given.includes(role));
  const quoted = unknown.map((name) => JSON.stringify(name.slice(0, 40))).join(", ");
  const description = `must be a list of ${roleNames.join(", ")} (or migrate alone), not ${quoted}`;
  throw new GatewayError("FIELD_INVALID", `PENSTOCK_ROLES (--role) ${description}`, {
    source: "gateway",
    fieldViolations: [{ field: "PENSTOCK_ROLES", description }],
  });
}
