import { GatewayError } from "@penstock/errors";
import type { Settings } from "@penstock/runtime";
import { readEnvironment, Secret } from "@penstock/runtime";
import type { DemoEnvironment } from "./demo-env.ts";
import { startVariables } from "./start-variables.ts";

/** Flags that say which Penstock a command talks to. */
export interface TargetFlags {
  readonly controlUrl?: string | undefined;
  readonly quotaUrl?: string | undefined;
  readonly telemetryUrl?: string | undefined;
  readonly adminUrl?: string | undefined;
  readonly adminToken?: string | undefined;
}

/** Which Penstock a command talks to. */
export interface Target {
  /** Of policy, and of the others where nobody says otherwise. */
  readonly controlUrl: string;
  readonly quotaUrl: string;
  readonly telemetryUrl: string;
  /** Of a router; absent when nobody named it. */
  readonly adminUrl: string | undefined;
  readonly token: Secret | undefined;
}

const url = { kind: "url", schemes: ["http", "https"] } as const;

/** What says to commands which Penstock is meant, beyond what roles read, too. */
export const targetVariables = {
  controlUrl: {
    name: "PENSTOCK_CONTROL_URL",
    ...url,
    roles: ["commands"],
    otherwise: "as in demo.env of the data folder",
    meaning: "Control services; PENSTOCK_POLICY_URL wins over it.",
  },
  adminUrl: {
    name: "PENSTOCK_ADMIN_URL",
    ...url,
    roles: ["commands"],
    otherwise: "as in demo.env of the data folder",
    meaning: "Admin port of the router that is asked.",
  },
} as const satisfies Settings;

const spec = {
  ...targetVariables,
  policyUrl: startVariables.policyUrl,
  quotaUrl: startVariables.quotaUrl,
  telemetryUrl: startVariables.telemetryUrl,
  token: startVariables.adminToken,
} as const;

/**
 * Finds the target: a flag, else the environment, else the demo's file. Whoever names the control
 * services by a flag means all of them. The token in the file is only for the addresses in the
 * file, so that it never goes to another machine.
 *
 * @throws GatewayError FIELD_INVALID for a URL that is none, UNAVAILABLE when no target is named.
 */
export function resolveTarget(
  flags: TargetFlags,
  demo: DemoEnvironment,
  environment?: Readonly<Record<string, string | undefined>>,
): Target {
  const given = readEnvironment(spec, environment === undefined ? {} : { environment });
  const byFlag = checked("--control-url", flags.controlUrl);
  const quotaByFlag = checked("--quota-url", flags.quotaUrl);
  const telemetryByFlag = checked("--telemetry-url", flags.telemetryUrl);
  const adminUrl = checked("--admin-url", flags.adminUrl) ?? given.adminUrl;
  const controlUrl =
    byFlag ?? given.policyUrl ?? given.controlUrl ?? demo.PENSTOCK_CONTROL_URL ?? refuse();
  const isDemoControl = sameOrigin(controlUrl, demo.PENSTOCK_CONTROL_URL);
  const beside = (own: string | undefined, demoUrl: string | undefined): string => {
    const fromDemo = isDemoControl ? demoUrl : undefined;
    return (byFlag === undefined ? own : undefined) ?? fromDemo ?? controlUrl;
  };
  const quotaUrl = quotaByFlag ?? beside(given.quotaUrl, demo.PENSTOCK_QUOTA_URL);
  const telemetryUrl = telemetryByFlag ?? beside(given.telemetryUrl, demo.PENSTOCK_TELEMETRY_URL);
  const isDemo =
    isDemoControl &&
    // Whoever names quota by a flag has it looked at, without a token.
    (quotaByFlag !== undefined ||
      sameOrigin(quotaUrl, demo.PENSTOCK_QUOTA_URL ?? demo.PENSTOCK_CONTROL_URL)) &&
    sameOrigin(telemetryUrl, demo.PENSTOCK_TELEMETRY_URL ?? demo.PENSTOCK_CONTROL_URL) &&
    (adminUrl === undefined || sameOrigin(adminUrl, demo.PENSTOCK_ADMIN_URL));
  const token = flags.adminToken === undefined ? given.token : new Secret(flags.adminToken);
  const demoToken = isDemo ? demo.PENSTOCK_ADMIN_TOKEN : undefined;
  return {
    controlUrl,
    quotaUrl,
    telemetryUrl,
    adminUrl: adminUrl ?? (isDemo ? demo.PENSTOCK_ADMIN_URL : undefined),
    token: token ?? (demoToken === undefined ? undefined : new Secret(demoToken)),
  };
}

function refuse(): never {
  throw new GatewayError(
    "UNAVAILABLE",
    "No Penstock is known here: start one with `npm start`, or name it with --control-url " +
      "and --admin-token (PENSTOCK_CONTROL_URL, PENSTOCK_ADMIN_TOKEN).",
  );
}

function checked(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { value } = readEnvironment(
    { value: { name: flag, ...url } },
    { environment: { [flag]: text } },
  );
  return value;
}

function sameOrigin(left: string, right: string | undefined): boolean {
  return right !== undefined && new URL(left).origin === new URL(right).origin;
}
