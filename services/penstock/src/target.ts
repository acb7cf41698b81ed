import { GatewayError } from "@penstock/errors";
import type { EnvironmentSpec } from "@penstock/runtime";
import { readEnvironment, Secret } from "@penstock/runtime";
import type { DemoEnvironment } from "./demo-env.ts";

/** Flags that say which Penstock a command talks to. */
export interface TargetFlags {
  readonly controlUrl?: string | undefined;
  readonly adminUrl?: string | undefined;
  readonly adminToken?: string | undefined;
}

/** Which Penstock a command talks to. */
export interface Target {
  readonly controlUrl: string;
  /** Of a router; absent when nobody named it. */
  readonly adminUrl: string | undefined;
  readonly token: Secret | undefined;
}

const spec = {
  controlUrl: { name: "PENSTOCK_CONTROL_URL", kind: "url", schemes: ["http", "https"] },
  adminUrl: { name: "PENSTOCK_ADMIN_URL", kind: "url", schemes: ["http", "https"] },
  token: { name: "PENSTOCK_ADMIN_TOKEN", kind: "secret" },
} as const satisfies EnvironmentSpec;

/**
 * Finds the target: a flag, else the environment, else the demo's file. The token in the file is
 * only for the addresses in the file, so that it never goes to another machine.
 *
 * @throws GatewayError FIELD_INVALID for a URL that is none, UNAVAILABLE when no target is named.
 */
export function resolveTarget(
  flags: TargetFlags,
  demo: DemoEnvironment,
  environment?: Readonly<Record<string, string | undefined>>,
): Target {
  const given = readEnvironment(spec, environment === undefined ? {} : { environment });
  const controlUrl = checked("--control-url", flags.controlUrl) ?? given.controlUrl;
  const adminUrl = checked("--admin-url", flags.adminUrl) ?? given.adminUrl;
  const token = flags.adminToken === undefined ? given.token : new Secret(flags.adminToken);
  const chosenControlUrl = controlUrl ?? demo.PENSTOCK_CONTROL_URL;
  if (chosenControlUrl === undefined) {
    throw new GatewayError(
      "UNAVAILABLE",
      "No Penstock is known here: start one with `npm start`, or name it with --control-url " +
        "and --admin-token (PENSTOCK_CONTROL_URL, PENSTOCK_ADMIN_TOKEN).",
    );
  }
  const chosenAdminUrl = adminUrl ?? demo.PENSTOCK_ADMIN_URL;
  const isDemo =
    sameOrigin(chosenControlUrl, demo.PENSTOCK_CONTROL_URL) &&
    (adminUrl === undefined || sameOrigin(adminUrl, demo.PENSTOCK_ADMIN_URL));
  const demoToken = isDemo ? demo.PENSTOCK_ADMIN_TOKEN : undefined;
  return {
    controlUrl: chosenControlUrl,
    adminUrl: adminUrl ?? (isDemo ? chosenAdminUrl : undefined),
    token: token ?? (demoToken === undefined ? undefined : new Secret(demoToken)),
  };
}

function checked(flag: string, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const { value } = readEnvironment(
    { value: { name: flag, kind: "url", schemes: ["http", "https"] } },
    { environment: { [flag]: url } },
  );
  return value;
}

function sameOrigin(left: string, right: string | undefined): boolean {
  return right !== undefined && new URL(left).origin === new URL(right).origin;
}
