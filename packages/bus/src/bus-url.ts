import { GatewayError } from "@penstock/errors";

/** What the URL of a bus says. */
export interface BusUrl {
  /** `host:port` of each server, without secrets. */
  readonly servers: string[];
  /** What stands before the `@`, still encoded: `user:password`. */
  readonly user: string | undefined;
  /** Whether any server asks for TLS. */
  readonly isTls: boolean;
}

const urlForm = /^(?<scheme>nats|tls):\/\/(?:(?<user>[^/?#@]*)@)?(?<host>[^/?#@]+)\/?$/;

/**
 * Takes the URL apart. Secrets of the URL serve all its servers.
 *
 * @throws GatewayError FIELD_INVALID, without what stands before an `@`.
 */
export function readBusUrl(url: string): BusUrl {
  const servers: string[] = [];
  let user: string | undefined;
  let isTls = false;
  for (const text of url.split(",")) {
    const part = urlForm.exec(text.trim())?.groups;
    const host = part?.["host"];
    if (part === undefined || host === undefined || !URL.canParse(`nats://${host}`)) {
      throw invalidBusUrl();
    }
    servers.push(host);
    user ??= part["user"];
    isTls ||= part["scheme"] === "tls";
  }
  return { servers, user, isTls };
}

/** FIELD_INVALID for a URL that is not a bus's. */
export function invalidBusUrl(): GatewayError {
  const description = "must be nats://host:port or tls://host:port, several separated by commas";
  return new GatewayError("FIELD_INVALID", `PENSTOCK_BUS_URL ${description}`, {
    source: "gateway",
    fieldViolations: [{ field: "PENSTOCK_BUS_URL", description }],
  });
}
