import { LedgerService, UsageService } from "@penstock/api";
import type { Finding } from "./check.ts";
import { probeHttp } from "./probe-http.ts";

/** Where the services are looked for. */
export interface ServiceAddresses {
  /** Of policy. */
  readonly controlUrl: string;
  readonly quotaUrl: string;
  readonly telemetryUrl: string;
  readonly caFile: string | undefined;
}

/** A method of each that nobody calls by GET, with what names the service. */
const services = [
  {
    name: "quota",
    path: `/${LedgerService.typeName}/${LedgerService.method.listTransfers.name}`,
    naming: "--quota-url or PENSTOCK_QUOTA_URL",
  },
  {
    name: "telemetry",
    path: `/${UsageService.typeName}/${UsageService.method.queryUsage.name}`,
    naming: "--telemetry-url or PENSTOCK_TELEMETRY_URL",
  },
] as const;

/**
 * The services that nobody named, and that are not where policy is: they are processes that were
 * not looked at, dead or not. Whether one is there is asked without a credential.
 */
export async function findAbsentServices(addresses: ServiceAddresses): Promise<Finding[]> {
  const { controlUrl, quotaUrl, telemetryUrl, caFile } = addresses;
  const urls = { quota: quotaUrl, telemetry: telemetryUrl };
  const findings = services.map(async ({ name, path, naming }): Promise<Finding[]> => {
    if (urls[name] !== controlUrl) return [];
    // Who does not answer at all is a finding of its own.
    const answer = await probeHttp(`${controlUrl}${path}`, { caFile }).catch(() => undefined);
    if (answer?.status !== 404) return [];
    const detail = `not at ${new URL(controlUrl).origin}, and nobody named it here: not looked at`;
    return [{ check: name, state: "warn", detail, advice: `Name it with ${naming}.` }];
  });
  return (await Promise.all(findings)).flat();
}
