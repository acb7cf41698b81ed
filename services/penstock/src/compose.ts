// All roles in one process, started in an order in which nobody asks what can't answer yet:
//   bus, simulator, database            begun before this file was even read
//   policy  → admin token, follower     intent, and everybody's view of it
//   quota, telemetry, the demo          beside one another
//   router                              doors open; ready when it has a view and leases
//   control server                      policy, quota and telemetry on one port
import type { SnapshotFollower } from "@penstock/config-sync";
import type { DatabaseServer } from "@penstock/database";
import type { RouterAddresses, RouterService } from "@penstock/router";
import { Secret } from "@penstock/runtime";
import { settleAdminToken } from "./admin-token.ts";
import type { ControlClients } from "./api/clients.ts";
import { createControlClients, createRouterClient } from "./api/clients.ts";
import { buildRoles } from "./build-roles.ts";
import type { BuiltRoles } from "./build-roles.ts";
import { openControlPort } from "./control-port.ts";
import type { RoleOptions } from "./start-roles.ts";
import { stopRoles } from "./stop-roles.ts";

/** What the process is composed from. */
export interface ComposeOptions extends RoleOptions {
  /** Being opened since before; closed by the composition. */
  readonly database: Promise<DatabaseServer>;
  /** Token of an earlier start. */
  readonly knownAdminToken: string | undefined;
  /** Runs as soon as the configuration can be changed, while the rest is still starting. */
  prepare(parts: {
    readonly clients: ControlClients;
    readonly simulatorUrl: string;
  }): Promise<void>;
}

/** All roles, running. */
export interface Composition {
  readonly addresses: RouterAddresses & { readonly controlPort: number };
  readonly simulatorUrl: string;
  readonly adminToken: string;
  /** As the administrator, without the network. */
  readonly clients: ControlClients;
  readonly configuration: SnapshotFollower;
  readonly router: RouterService;
  /** Looks into the router, as the administrator, without the network. */
  readonly routerClient: ReturnType<typeof createRouterClient>;
  /** Takes nothing new; what is open has until the deadline, or until `hurry` aborts. */
  stop(deadlineMs: number, hurry?: AbortSignal): Promise<void>;
}

/** Starts every role; resolves when the doors are open. The signal ends the start, nothing later. */
export async function compose(options: ComposeOptions, signal: AbortSignal): Promise<Composition> {
  const parts = new AsyncDisposableStack();
  try {
    return await composeInto(parts, options, signal);
  } catch (thrown) {
    await parts.disposeAsync();
    throw thrown;
  }
}

async function composeInto(
  parts: AsyncDisposableStack,
  options: ComposeOptions,
  signal: AbortSignal,
): Promise<Composition> {
  const settings = { ...options.settings, roles: undefined };
  const { clock } = options;
  const built = all(await buildRoles(parts, { ...options, settings }));
  const { policy, quota, telemetry, router, configuration, simulatorUrl, reach } = built;
  await policy.start(signal);
  await configuration.start();
  const adminToken = await settleAdminToken(policy, settings.adminToken, options.knownAdminToken);
  const admin = new Secret(adminToken);
  const policyClients = createControlClients(reach({ here: policy }, admin));
  const prepared = options.prepare({ clients: policyClients, simulatorUrl });
  await settled([prepared, quota.start(signal), telemetry.start(signal)]);
  const [addresses, control] = await settled([
    router.start(),
    openControlPort(parts, settings, built),
  ]);
  return {
    addresses: { ...addresses, controlPort: control?.port ?? 0 },
    simulatorUrl,
    adminToken,
    clients: createControlClients(reach({ here: built }, admin)),
    configuration,
    router,
    routerClient: createRouterClient(reach({ here: router }, admin)),
    stop: (deadlineMs, hurry) =>
      stopRoles(parts, built, { settings, clock, control, deadlineMs, hurry }),
  };
}

type Complete = { readonly [Part in keyof BuiltRoles]-?: NonNullable<BuiltRoles[Part]> };

/** Every role was asked for, so every role is there. */
function all(built: BuiltRoles): Complete {
  for (const [name, part] of Object.entries(built)) {
    if (part === undefined) throw new TypeError(`${name} was not built`);
  }
  return built as Complete;
}

/** Like Promise.all, but nothing is still running when it throws. */
async function settled<const Values extends readonly unknown[]>(
  promises: Values,
): Promise<{ -readonly [Index in keyof Values]: Awaited<Values[Index]> }> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
