import type { Client, Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import type { Resource } from "@penstock/api";
import {
  BudgetService,
  DeploymentService,
  LeaseService,
  LimitService,
  PolicyService,
  PriceBookService,
  ProjectService,
  ProviderService,
  ResourceService,
  RolloutService,
  RouterService,
  RouteService,
  SnapshotService,
  TeamService,
  TokenService,
  UsageService,
  VirtualKeyService,
} from "@penstock/api";
import type { ResourceValue } from "../manifest/resource-kinds.ts";

/** What the commands ask of the control services. */
export interface ControlClients {
  readonly resources: Client<typeof ResourceService>;
  readonly virtualKeys: Client<typeof VirtualKeyService>;
  readonly rollout: Client<typeof RolloutService>;
  readonly usage: Client<typeof UsageService>;
  /** Reads one resource by name, whatever its kind. Throws RESOURCE_NOT_FOUND. */
  getResource(kind: string, name: string): Promise<ResourceValue>;
}

/** Clients of the control services; telemetry may be reached on a way of its own. */
export function createControlClients(
  transport: Transport,
  { telemetry = transport }: { readonly telemetry?: Transport } = {},
): ControlClients {
  const readers = createReaders(transport);
  return {
    resources: createClient(ResourceService, transport),
    virtualKeys: createClient(VirtualKeyService, transport),
    rollout: createClient(RolloutService, transport),
    usage: createClient(UsageService, telemetry),
    getResource: async (kind, name) => {
      const value = await readers[kind]?.({ name });
      if (value === undefined) throw new TypeError(`${kind} can't be read`);
      return value;
    },
  };
}

/** The client of a router's admin port. */
export function createRouterClient(transport: Transport): Client<typeof RouterService> {
  return createClient(RouterService, transport);
}

/** The client through which a router borrows. */
export function createLeaseClient(transport: Transport): Client<typeof LeaseService> {
  return createClient(LeaseService, transport);
}

/** The client through which the configuration is fetched whole. */
export function createSnapshotClient(transport: Transport): Client<typeof SnapshotService> {
  return createClient(SnapshotService, transport);
}

/** The client through which tokens are identified. */
export function createTokenClient(transport: Transport): Client<typeof TokenService> {
  return createClient(TokenService, transport);
}

/** Reads every resource of the collections (all when none is named), page by page. */
export async function listResources(
  clients: Pick<ControlClients, "resources">,
  filter: { readonly collections?: readonly string[]; readonly labels?: Record<string, string> },
): Promise<{ readonly resources: Resource[]; readonly revision: bigint }> {
  const resources: Resource[] = [];
  let pageToken = "";
  let revision = 0n;
  do {
    const page = await clients.resources.listResources({
      collections: [...(filter.collections ?? [])],
      labels: filter.labels ?? {},
      pageSize: 1_000,
      pageToken,
    });
    resources.push(...page.resources);
    pageToken = page.nextPageToken;
    revision = page.revision;
  } while (pageToken !== "");
  return { resources, revision };
}

type Reader = (request: { readonly name: string }) => Promise<ResourceValue | undefined>;

function createReaders(transport: Transport): Readonly<Record<string, Reader>> {
  const teams = createClient(TeamService, transport);
  const projects = createClient(ProjectService, transport);
  const virtualKeys = createClient(VirtualKeyService, transport);
  const providers = createClient(ProviderService, transport);
  const deployments = createClient(DeploymentService, transport);
  const routes = createClient(RouteService, transport);
  const policies = createClient(PolicyService, transport);
  const limits = createClient(LimitService, transport);
  const budgets = createClient(BudgetService, transport);
  const priceBooks = createClient(PriceBookService, transport);
  return {
    Team: async (request) => (await teams.getTeam(request)).team,
    Project: async (request) => (await projects.getProject(request)).project,
    VirtualKey: async (request) => (await virtualKeys.getVirtualKey(request)).virtualKey,
    Provider: async (request) => (await providers.getProvider(request)).provider,
    Deployment: async (request) => (await deployments.getDeployment(request)).deployment,
    Route: async (request) => (await routes.getRoute(request)).route,
    Policy: async (request) => (await policies.getPolicy(request)).policy,
    Limit: async (request) => (await limits.getLimit(request)).limit,
    Budget: async (request) => (await budgets.getBudget(request)).budget,
    PriceBook: async (request) => (await priceBooks.getPriceBook(request)).priceBook,
  };
}
