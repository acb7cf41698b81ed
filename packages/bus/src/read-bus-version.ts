import { silentObservability } from "@penstock/observability";
import type { OpenBusOptions } from "./open-bus.ts";

/**
 * Connects to the NATS server of a URL as `openBus` would, changes nothing there, and resolves to
 * the server's version.
 *
 * @throws GatewayError FIELD_INVALID for a URL of another form, UNAVAILABLE when no server
 * answers, FAILED_PRECONDITION for a server that is too old or refuses the user.
 */
export async function readBusVersion(
  options: Required<Pick<OpenBusOptions, "url">> &
    Pick<OpenBusOptions, "name" | "credentialsFile" | "caFile">,
): Promise<string> {
  const { url = "", name, credentialsFile, caFile } = options;
  const [{ endNatsSession, openNatsSession }, { readNatsAccess }] = await Promise.all([
    import("./nats/nats-session.ts"),
    import("./nats/nats-access.ts"),
  ]);
  const access = readNatsAccess({ url, credentialsFile, caFile });
  const { logger } = silentObservability();
  const session = await openNatsSession({ access, name, logger, siblings: [] });
  try {
    return session.connection.info?.version ?? "unknown";
  } finally {
    await endNatsSession(session);
  }
}
