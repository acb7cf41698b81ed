import { BalanceService, LedgerService, RouterService } from "@penstock/api";
import { createPenstockClient } from "@penstock/client";
import type { Tracer } from "@penstock/observability";
import { applyManifests, createControlClients } from "@penstock/penstock";
import type { ControlClients } from "@penstock/penstock";
import { createClient, createNetworkTransport } from "@penstock/rpc";
import { Secret } from "@penstock/runtime";
import type { Simulator } from "@penstock/simulator";
import { hear } from "../callers/heard.ts";
import type { Transcript } from "../callers/transcript.ts";
import { checkInvariants } from "../checks/invariants.ts";
import { sampleLimits } from "./limit-sampler.ts";
import type { Constellation, ConstellationOptions, RouterDoors } from "./constellation.ts";

/** A gateway that runs, before there are clients of it. */
export interface GatewaySite {
  readonly shape: Constellation["shape"];
  readonly routers: readonly Omit<RouterDoors, "client">[];
  readonly policyUrl: string;
  readonly quotaUrl: string;
  readonly telemetryUrl: string;
  readonly adminToken: string;
  readonly simulator: Simulator;
  readonly tracer: Tracer;
  readonly logLines: readonly string[];
  /** Absent: over the network. */
  readonly control?: ControlClients;
  /** Waits until every router has the revision. */
  untilRevision(revision: bigint, control: ControlClients): Promise<void>;
}

const callTimeoutMs = 30_000;
const recordWaitSeconds = 10n;

/** Opens what tests use of a gateway; all of it is closed with `parts`, as is the gateway. */
export function openGateway(
  site: GatewaySite,
  { exempt = {} }: ConstellationOptions,
  parts: AsyncDisposableStack,
): Constellation {
  const { adminToken, simulator } = site;
  const transport = openTransports(site, parts);
  const routers = openRouters(site, transport);
  const [first] = routers;
  const control = site.control ?? openControl(site, transport);
  const quota = transport(site.quotaUrl);
  const balances = createClient(BalanceService, quota);
  const sampler = site.shape === "servers" ? sampleLimits(balances) : undefined;
  parts.defer(() => sampler?.stop());
  const transcripts: Transcript[] = [];
  const note = (transcript: Transcript) => void transcripts.push(transcript);
  const nextRouter = inTurn(routers);
  const waitForRevision = (revision: bigint) => site.untilRevision(revision, control);
  const gateway: Constellation = {
    shape: site.shape,
    get httpUrl() {
      return nextRouter().httpUrl;
    },
    get grpcAddress() {
      return nextRouter().grpcAddress;
    },
    controlUrl: site.policyUrl,
    quotaUrl: site.quotaUrl,
    telemetryUrl: site.telemetryUrl,
    adminUrl: first.adminUrl,
    adminToken,
    simulator,
    control,
    balances,
    ledger: createClient(LedgerService, quota),
    router: first.client,
    routers,
    logLines: site.logLines,
    transcripts,
    apply: async (yaml) => {
      const applied = await applyManifests([{ file: "test.yaml", text: yaml }], control);
      await waitForRevision(applied.revision);
      return applied;
    },
    issueKey: async (name, fields = {}) => {
      const issued = await control.virtualKeys.createVirtualKey({
        virtualKey: { name, ...fields },
      });
      await waitForRevision(issued.revision);
      return issued.secret;
    },
    waitForRevision,
    grpcClient: (virtualKey, router = nextRouter()) => {
      const address = [router].flat().map(({ grpcAddress }) => grpcAddress);
      const client = createPenstockClient({ address, virtualKey, timeoutMs: callTimeoutMs });
      parts.defer(() => client.close());
      hear(client, note);
      return client;
    },
    request: (requestId) =>
      control.usage.getRequest({ requestId, wait: { seconds: recordWaitSeconds, nanos: 0 } }),
    close: () =>
      closeAfter(parts, async () => {
        const broken = await checkInvariants(gateway, exempt);
        return [...(sampler?.broken() ?? []), ...broken];
      }),
  };
  for (const asked of [gateway, ...routers]) hear(asked, note);
  return gateway;
}

type OpenTransport = (url: string) => ReturnType<typeof createNetworkTransport>["transport"];

function openTransports(
  { adminToken, tracer }: GatewaySite,
  parts: AsyncDisposableStack,
): OpenTransport {
  const token = new Secret(adminToken);
  return (url) => {
    const opened = createNetworkTransport({
      url,
      token,
      tracer,
      defaultTimeoutMs: callTimeoutMs,
    });
    parts.defer(() => opened.close());
    return opened.transport;
  };
}

function openControl(
  { policyUrl, telemetryUrl }: GatewaySite,
  transport: OpenTransport,
): ControlClients {
  return createControlClients(transport(policyUrl), { telemetry: transport(telemetryUrl) });
}

function openRouters(
  { routers }: GatewaySite,
  transport: OpenTransport,
): [RouterDoors, ...RouterDoors[]] {
  const [first, ...others] = routers.map((doors) => ({
    ...doors,
    client: createClient(RouterService, transport(doors.adminUrl)),
  }));
  if (first === undefined) throw new TypeError("a gateway has a router");
  return [first, ...others];
}

/** Each router as often as every other. */
function inTurn(routers: readonly [RouterDoors, ...RouterDoors[]]): () => RouterDoors {
  let next = 0;
  return () => routers[next++ % routers.length] ?? routers[0];
}

/** Takes everything down, whatever the check says; rejects with what it found. */
async function closeAfter(
  parts: AsyncDisposableStack,
  check: () => Promise<readonly string[]>,
): Promise<void> {
  if (parts.disposed) return;
  try {
    const broken = await check();
    if (broken.length > 0) throw new Error(`broken invariants:\n${broken.join("\n")}`);
  } finally {
    await parts.disposeAsync();
  }
}
