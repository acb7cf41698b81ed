// The heavier half of `start`, read while the database is already starting: everything is
// composed, the demo is brought in order, and the start is ready when
//   the manifest of --config is applied,
//   the doors are open, the configuration is in use and the first leases are granted,
//   the hot paths have run once, demo.env is written.
import type { DatabaseServer } from "@penstock/database";
import type { Observability } from "@penstock/observability";
import { deadlineSignal, systemClock } from "@penstock/runtime";
import { reachableAddress } from "./addresses.ts";
import type { ApplyOptions } from "./apply-manifests.ts";
import type { ControlClients } from "./api/clients.ts";
import type { CardContent } from "./card.ts";
import { compose } from "./compose.ts";
import type { Composition } from "./compose.ts";
import { clientVariables, readDemoEnv, writeDemoEnv } from "./demo-env.ts";
import { demoKeyName } from "./demo/demo-manifest.ts";
import type { FirstRunResult } from "./first-run.ts";
import { setUpDemo } from "./first-run.ts";
import type { StartSettings } from "./settings.ts";
import { untilHealthy, untilRevision } from "./wait-until.ts";
import { warmUp } from "./warm-up.ts";

/** What is started, and with what. */
export interface StartOptions {
  readonly settings: StartSettings;
  readonly database: Promise<DatabaseServer>;
  readonly observability: Observability;
  /** False: nothing is configured by the start. */
  readonly withDemo: boolean;
  /** Applies the manifest of `--config`, if any; gives its revision. Ends the start if it throws. */
  applyConfig(clients: ControlClients, options?: ApplyOptions): Promise<bigint | undefined>;
}

/** Everything, running and ready. */
export interface Started {
  readonly composition: Composition;
  readonly card: Omit<CardContent, "readyMs" | "dataDir" | "isDefaultDataDir">;
}

/** A start that is not ready by then never will be; a cold one on a slow disk takes 10 s. */
const startDeadlineMs = 120_000;

/** Starts everything. Throws what went wrong, with nothing left open. */
export async function startEverything(options: StartOptions, asked: AbortSignal): Promise<Started> {
  const signal = deadlineSignal(startDeadlineMs, asked);
  const { settings, observability, database } = options;
  const known = readDemoEnv(settings.dataDir);
  let demo: FirstRunResult | undefined;
  let configRevision: bigint | undefined;
  const composition = await compose(
    {
      settings,
      database,
      observability,
      clock: systemClock,
      knownAdminToken: known.PENSTOCK_ADMIN_TOKEN,
      prepare: async ({ clients, simulatorUrl }) => {
        if (options.withDemo) {
          const { openaiKey } = settings;
          const knownKey = known.OPENAI_API_KEY;
          demo = await setUpDemo({ clients, simulatorUrl, openaiKey, knownKey });
        }
        // Before any door is open: what it says must not be missing from the first request.
        configRevision = await options.applyConfig(clients);
      },
    },
    signal,
  );
  try {
    const revision = configRevision ?? demo?.revision ?? 0n;
    await untilRevision(composition.configuration, revision, signal);
    await untilHealthy(composition.router.health, signal);
    const addresses = addressesOf(composition, settings);
    const key = options.withDemo ? demo?.key : known.OPENAI_API_KEY;
    await warmUp({
      openaiUrl: addresses.openaiUrl,
      key: demo?.key,
      keyName: demoKeyName,
      router: composition.routerClient,
    });
    writeDemoEnv(settings.dataDir, {
      ...clientVariables(addresses.openaiUrl, key),
      PENSTOCK_GRPC_ADDRESS: addresses.grpcAddress,
      PENSTOCK_CONTROL_URL: addresses.controlUrl,
      PENSTOCK_ADMIN_URL: addresses.adminUrl,
      PENSTOCK_ADMIN_TOKEN: composition.adminToken,
      PENSTOCK_SIMULATOR_URL: addresses.simulatorUrl,
    });
    return { composition, card: { ...addresses, key, notes: demo?.notes ?? [] } };
  } catch (thrown) {
    await composition.stop(0);
    throw thrown;
  }
}

/** The addresses under which this machine reaches the doors. */
function addressesOf(
  { addresses, simulatorUrl }: Composition,
  { bindAddress, tls }: StartSettings,
) {
  const at = (port: number): string => reachableAddress(bindAddress, port);
  const doors = tls?.doors === undefined ? "http" : "https";
  const services = tls?.server === undefined ? "http" : "https";
  return {
    openaiUrl: `${doors}://${at(addresses.httpPort)}/v1`,
    grpcAddress: at(addresses.grpcPort),
    controlUrl: `${services}://${at(addresses.controlPort)}`,
    adminUrl: `${services}://${at(addresses.adminPort)}`,
    simulatorUrl,
  };
}
