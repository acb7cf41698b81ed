// Roles among other processes: every door opens at once, and each part becomes ready when what it
// needs is there. Only what can't come right by waiting ends the process.
import { isLasting } from "@penstock/database";
import { sleep } from "@penstock/runtime";
import { buildRoles } from "./build-roles.ts";
import type { BuildOptions, BuiltRoles } from "./build-roles.ts";
import { openControlPort } from "./control-port.ts";
import type { StartSettings } from "./settings.ts";
import { stopRoles } from "./stop-roles.ts";

const retryMs = 1_000;

/** Roles that serve, or will. */
export interface ServingRoles {
  /** Ports by door, for the log. */
  readonly ports: Readonly<Record<string, number | undefined>>;
  readonly readiness: BuiltRoles["readiness"];
  readonly built: BuiltRoles;
  /** Resolves with the error that ends the process, such as the schema of a newer build. */
  readonly failed: Promise<unknown>;
  /** Takes nothing new; what is open has until the deadline, or until `hurry` aborts. */
  stop(deadlineMs: number, hurry?: AbortSignal): Promise<void>;
}

/** Starts the roles of the settings; resolves when their doors are open, ready or not. */
export async function serveRoles(options: BuildOptions): Promise<ServingRoles> {
  const parts = new AsyncDisposableStack();
  try {
    return await serveInto(parts, options);
  } catch (thrown) {
    await parts.disposeAsync();
    throw thrown;
  }
}

async function serveInto(
  parts: AsyncDisposableStack,
  options: BuildOptions,
): Promise<ServingRoles> {
  const { settings, clock } = options;
  const built = await buildRoles(parts, options);
  const { quota, telemetry, configuration, router, simulatorUrl } = built;
  const control = await openControlPort(parts, settings, built);
  const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>();
  const stopping = new AbortController();
  const inBackground = (start: Promise<void> | undefined): void => {
    start?.catch((error: unknown) => {
      if (!stopping.signal.aborted) fail(error);
    });
  };
  inBackground(startPolicy(built, options, stopping.signal));
  inBackground(quota?.start());
  inBackground(telemetry?.start());
  await configuration?.start();
  const addresses = await router?.start();
  const simulatorPort = simulatorUrl === undefined ? undefined : Number(new URL(simulatorUrl).port);
  return {
    ports: {
      http: addresses?.httpPort,
      grpc: addresses?.grpcPort,
      admin: addresses?.adminPort,
      control: control?.port,
      simulator: simulatorPort,
    },
    readiness: built.readiness,
    built,
    failed,
    stop: async (deadlineMs, hurry) => {
      stopping.abort();
      await stopRoles(parts, built, { settings, clock, control, deadlineMs, hurry });
    },
  };
}

async function startPolicy(
  { policy }: BuiltRoles,
  { settings, observability, clock }: BuildOptions,
  stopping: AbortSignal,
): Promise<void> {
  if (policy === undefined) return;
  const part = "admin token";
  policy.health.set(part, "not_ready", "waits for the database");
  await policy.start();
  for (;;) {
    try {
      await policy.ensureAdminToken(tokenOf(settings));
      break;
    } catch (error) {
      // The database may have gone again since.
      if (isLasting(error)) throw error;
      await sleep(clock, retryMs, stopping);
    }
  }
  policy.health.set(part, "ready");
  if (settings.adminToken !== undefined) return;
  observability.logger.warn("only administrators known from earlier starts are let in", {
    advice: "set PENSTOCK_ADMIN_TOKEN for the role policy",
  });
}

/** A token made here would be known to nobody. */
function tokenOf({ adminToken }: StartSettings) {
  return adminToken === undefined ? { make: false } : { token: adminToken.reveal() };
}
