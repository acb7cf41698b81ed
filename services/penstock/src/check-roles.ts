import { GatewayError } from "@penstock/errors";
import type { Role } from "./roles.ts";
import { storingRoles } from "./roles.ts";
import type { StartSettings } from "./settings.ts";

interface Need {
  readonly variable: string;
  readonly value: unknown;
  /** Roles that can't do without it. */
  readonly by: readonly Role[];
  /** The role that, in the same process, makes it needless. */
  readonly unless?: Role;
}

interface Problem {
  readonly field: string;
  readonly description: string;
}

/**
 * Refuses roles that lack what they can't do without, and a service token that is no token, also
 * where everything is in one process: its services take it for that of a service all the same. All
 * in one process needs nothing else.
 *
 * @throws GatewayError FIELD_INVALID that names every missing variable and who needs it, and the
 * service token that is no token.
 */
export function checkRoles(settings: StartSettings): void {
  const problems = [...problemsOfToken(settings), ...problemsOfRoles(settings)];
  if (problems.length === 0) return;
  const lines = problems.map(({ field, description }) => `${field} ${description}`);
  throw new GatewayError("FIELD_INVALID", `${lines.join("; ")}.`, {
    source: "gateway",
    fieldViolations: problems,
  });
}

function problemsOfRoles(settings: StartSettings): Problem[] {
  const { roles } = settings;
  if (roles === undefined) return [];
  return needsOf(settings).flatMap(({ variable, value, by, unless }) => {
    const needing = by.filter((role) => roles.includes(role));
    const isHere = unless !== undefined && roles.includes(unless);
    if (value !== undefined || isHere || needing.length === 0) return [];
    const who = needing.length === 1 ? `role ${needing[0]} needs` : `roles ${list(needing)} need`;
    return [{ field: variable, description: `is not set; ${who} it` }];
  });
}

/** As for a token of administrators: it goes into a header, and must not be guessed. */
const tokenForm = /^[\x21-\x7e]{16,}$/;

function problemsOfToken({ serviceToken }: StartSettings): Problem[] {
  if (serviceToken === undefined || tokenForm.test(serviceToken.reveal())) return [];
  const description = "must have at least 16 printable characters without spaces";
  return [{ field: "PENSTOCK_SERVICE_TOKEN", description }];
}

function needsOf(settings: StartSettings): Need[] {
  const all: readonly Role[] = ["router", ...storingRoles];
  const { busUrl, databaseUrl, serviceToken, policyUrl, quotaUrl } = settings;
  const policy = { by: ["router", "quota", "telemetry"], unless: "policy" } as const;
  return [
    { variable: "PENSTOCK_BUS_URL", value: busUrl, by: all },
    { variable: "PENSTOCK_DATABASE_URL", value: databaseUrl, by: storingRoles },
    { variable: "PENSTOCK_SERVICE_TOKEN", value: serviceToken, by: all },
    { variable: "PENSTOCK_POLICY_URL", value: policyUrl, ...policy },
    { variable: "PENSTOCK_QUOTA_URL", value: quotaUrl, by: ["router"], unless: "quota" },
  ];
}

function list(roles: readonly Role[]): string {
  return `${roles.slice(0, -1).join(", ")} and ${roles.at(-1)}`;
}
