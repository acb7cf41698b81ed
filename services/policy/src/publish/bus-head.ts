import { fromBinary } from "@bufbuild/protobuf";
import type { ConfigHead } from "@penstock/api";
import { ConfigHeadSchema } from "@penstock/api";
import type { ConfigBucket } from "@penstock/bus";
import { headKey } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";

/** The head on the bus; undefined when there is none, or none that can be read. */
export async function readBusHead(bucket: ConfigBucket): Promise<ConfigHead | undefined> {
  const entry = await bucket.get(headKey);
  if (entry === undefined || entry.deleted) return undefined;
  try {
    return fromBinary(ConfigHeadSchema, entry.value);
  } catch {
    return undefined;
  }
}

/**
 * Two installations on one bus would overwrite each other's configuration without end.
 *
 * @throws GatewayError FAILED_PRECONDITION when the bus serves another installation.
 */
export function refuseForeignHead(head: ConfigHead | undefined, installationId: string): void {
  if (head === undefined || head.installationId === installationId) return;
  const message =
    `The bus holds the configuration of installation ${head.installationId}, this is ` +
    `${installationId}. Give each installation a bus of its own, or empty bucket config.`;
  throw new GatewayError("FAILED_PRECONDITION", message, {
    source: "gateway",
    metadata: { bus: head.installationId, database: installationId },
  });
}
