import { silentObservability } from "@penstock/observability";
import type { ServiceTransport, Transport } from "@penstock/rpc";
import { createNetworkTransport } from "@penstock/rpc";
import type { ControlClients } from "../api/clients.ts";
import { CalledAddresses } from "../api/called-addresses.ts";
import { createControlClients, createRouterClient } from "../api/clients.ts";
import { readTlsSettings } from "../certificates/tls-settings.ts";
import { readDemoEnv } from "../demo-env.ts";
import { exitCodes, UsageError } from "../output/command-error.ts";
import { readDataDir } from "../settings.ts";
import type { Target } from "../target.ts";
import { resolveTarget } from "../target.ts";
import type { CommandIo } from "./command-io.ts";
import { tellError } from "./tell-error.ts";

/** Flags that every command which talks to a running Penstock has. */
export interface TargetOptions {
  readonly controlUrl?: string;
  readonly quotaUrl?: string;
  readonly telemetryUrl?: string;
  readonly adminUrl?: string;
  readonly adminToken?: string;
  readonly dataDir?: string;
}

/** The clients of one run of a command, opened when first used. */
export interface CommandSession {
  readonly io: CommandIo;
  readonly target: Target;
  control(): ControlClients;
  router(): ReturnType<typeof createRouterClient>;
}

type RouterClient = ReturnType<typeof createRouterClient>;

/** The longest wait of a command: AwaitRevision waits up to 60 s. */
const commandTimeoutMs = 70_000;

/**
 * Runs a command against its target, prints what goes wrong, and resolves to the exit code. The
 * run returns an exit code, or nothing when it is done.
 */
export async function withSession(
  io: CommandIo,
  options: TargetOptions,
  run: (session: CommandSession) => Promise<number | void>,
): Promise<number> {
  const transports: ServiceTransport[] = [];
  const called = new CalledAddresses();
  try {
    let found: Target | undefined;
    // Not before somebody is asked: a command that is wrong is wrong wherever it goes.
    const target = (): Target => (found ??= findTarget(io, options));
    const open = (address: string): Transport => {
      const { tracer } = silentObservability();
      const { token } = target();
      const tls = readTlsSettings(io.environment);
      const transport = createNetworkTransport({
        url: address,
        tracer,
        defaultTimeoutMs: commandTimeoutMs,
        // Not the certificate of a service: an administrator is known by a token.
        tls: { caFile: tls.client.caFile },
        allowCleartext: tls.allowCleartext,
        ...(token === undefined ? {} : { token }),
      });
      transports.push(transport);
      return called.follow(transport.transport, address);
    };
    const openControl = (): ControlClients => {
      const { controlUrl, telemetryUrl } = target();
      const transport = open(controlUrl);
      if (telemetryUrl === controlUrl) return createControlClients(transport);
      return createControlClients(transport, { telemetry: open(telemetryUrl) });
    };
    let control: ControlClients | undefined;
    let router: RouterClient | undefined;
    const session: CommandSession = {
      io,
      get target() {
        return target();
      },
      control: () => (control ??= openControl()),
      router: () => (router ??= createRouterClient(open(adminUrlOf(target())))),
    };
    return (await run(session)) ?? exitCodes.done;
  } catch (thrown) {
    return tellError(io, thrown, { url: called.of(thrown) });
  } finally {
    for (const transport of transports) transport.close();
  }
}

function findTarget({ environment }: CommandIo, options: TargetOptions): Target {
  const demo = readDemoEnv(readDataDir(options.dataDir, environment));
  return resolveTarget(options, demo, environment);
}

function adminUrlOf(target: Target): string {
  if (target.adminUrl !== undefined) return target.adminUrl;
  throw new UsageError("which router? Name its admin port with --admin-url or PENSTOCK_ADMIN_URL.");
}
