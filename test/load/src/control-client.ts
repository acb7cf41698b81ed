import { createClient } from "@connectrpc/connect";
import type { Client } from "@connectrpc/connect";
import { fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import {
  BalanceService,
  ResourceSchema,
  ResourceService,
  UsageService,
  VirtualKeyService,
} from "@penstock/api";
import type { Resource } from "@penstock/api";
import { silentObservability } from "@penstock/observability";
import { createNetworkTransport } from "@penstock/rpc";
import { Secret } from "@penstock/runtime";
import { model } from "./bodies.ts";

/** The control services as an administrator sees them. */
export interface ControlClient {
  readonly resources: Client<typeof ResourceService>;
  readonly usage: Client<typeof UsageService>;
  readonly balances: Client<typeof BalanceService>;
  readonly keys: Client<typeof VirtualKeyService>;
  close(): void;
}

const timeoutMs = 60_000;

/** Connects to the control port. */
export function connectControl(url: string, adminToken: string): ControlClient {
  const { tracer } = silentObservability();
  const token = new Secret(adminToken);
  const options = { url, token, tracer, defaultTimeoutMs: timeoutMs };
  const { transport, close } = createNetworkTransport(options);
  return {
    resources: createClient(ResourceService, transport),
    usage: createClient(UsageService, transport),
    balances: createClient(BalanceService, transport),
    keys: createClient(VirtualKeyService, transport),
    close,
  };
}

const project = "bench";

/** The budget of a project of this name. */
export function budgetOf(name: string): string {
  return `budgets/${name}`;
}

/** The budget of what `configure` makes. */
export const benchBudget = budgetOf(project);

/** Prices of the mock provider, in nano-USD per million tokens, and its answers' sizes. */
export const prices = { input: 150_000_000n, output: 600_000_000n } as const;
/** The providers' own name of the model. */
export const upstreamModel = "gpt-4o-mini-2024-07-18";
/** Requests that may be open at a provider, and of a key. */
export const concurrency = 2_000;

/** Has the prices of the model. */
export const benchPriceBook = "priceBooks/bench";

/** A resource written as proto JSON under the name of its kind. */
export function resource(value: JsonValue): Resource {
  return fromJson(ResourceSchema, value);
}

/**
 * Configures one key with a limit and a budget and a route to the provider at `origin`; gives the
 * key's text. The amounts are far out of reach, so that nothing is refused.
 */
export async function configure(control: ControlClient, origin: string): Promise<string> {
  await control.resources.applyResources({
    resources: [
      resource({ team: { name: "teams/bench" } }),
      resource({
        provider: {
          name: "providers/bench-mock",
          kind: "openai-compatible",
          baseUrl: `${origin}/v1`,
          privateNetwork: true,
        },
      }),
      resource({
        priceBook: {
          name: benchPriceBook,
          prices: [
            {
              model: upstreamModel,
              inputNanoUsdPerMillionTokens: String(prices.input),
              outputNanoUsdPerMillionTokens: String(prices.output),
            },
          ],
        },
      }),
      resource({
        deployment: {
          name: "deployments/bench",
          provider: "providers/bench-mock",
          model: upstreamModel,
          priceBook: benchPriceBook,
          maxConcurrentRequests: concurrency,
        },
      }),
      resource({
        route: {
          name: "routes/bench",
          match: { models: [model] },
          targets: [{ deployment: "deployments/bench" }],
        },
      }),
    ],
  });
  return configureProject(control, project);
}

/**
 * Configures a project with a limit, a budget and a key; gives the key's text. With `isSynced` a
 * request waits until the disk has what it will be charged.
 */
export async function configureProject(
  control: ControlClient,
  name: string,
  isSynced = false,
): Promise<string> {
  const scope = { project: `projects/${name}` };
  const durability = isSynced ? { durability: "DURABILITY_SYNCED" } : {};
  const limit = { name: `limits/${name}`, scope, requestsPerMinute: "10000000", ...durability };
  await control.resources.applyResources({
    resources: [
      resource({ project: { name: `projects/${name}`, team: "teams/bench" } }),
      resource({ limit }),
      resource({
        budget: {
          name: budgetOf(name),
          scope,
          amountNanoUsd: "1000000000000000",
          period: "BUDGET_PERIOD_MONTH",
          timeZone: "UTC",
        },
      }),
    ],
  });
  const made = await control.keys.createVirtualKey({
    virtualKey: {
      name: `projects/${name}/virtualKeys/load`,
      maxConcurrentRequests: concurrency,
    },
  });
  return made.secret;
}
