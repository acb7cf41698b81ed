import { startConnectServer } from "@penstock/rpc";
import type { ConnectServer } from "@penstock/rpc";
import type { BuiltRoles } from "./build-roles.ts";
import { serveHealth } from "./serve-health.ts";
import type { StartSettings } from "./settings.ts";

/** An end without a drain, such as that of a start that failed, waits so long for open calls. */
const hastyCloseMs = 1_000;

/**
 * Opens the port that policy, quota and telemetry of a process share; resolves to undefined where
 * the process has none of them.
 */
export async function openControlPort(
  parts: AsyncDisposableStack,
  settings: StartSettings,
  { policy, quota, telemetry, serving, routes, readiness }: BuiltRoles,
): Promise<ConnectServer | undefined> {
  const isNeeded = [policy, quota, telemetry].some((service) => service !== undefined);
  if (!isNeeded || serving === undefined) return undefined;
  const { authenticate } = serving;
  const { logger, metrics } = serving.observability;
  const server = await startConnectServer({
    ...serving,
    host: settings.bindAddress,
    port: settings.ports.control,
    routes,
    tls: settings.tls?.server,
    httpHandler: serveHealth({ report: readiness, authenticate, metrics, logger }),
  });
  parts.defer(() => server.close(hastyCloseMs));
  return server;
}
