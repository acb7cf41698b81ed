import { readBusUrl } from "@penstock/bus";
import { checkDatabaseUrl } from "@penstock/database";
import type { StartSettings } from "./settings.ts";

/**
 * Refuses addresses of servers that can't be any, before anything is started.
 *
 * @throws GatewayError FIELD_INVALID that never shows the URL, which may hold a password.
 */
export function checkServerUrls({
  busUrl,
  databaseUrl,
}: Pick<StartSettings, "busUrl" | "databaseUrl">): void {
  if (busUrl !== undefined) readBusUrl(busUrl);
  if (databaseUrl !== undefined) checkDatabaseUrl(databaseUrl);
}
