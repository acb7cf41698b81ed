import type { RoutingWishes } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { FieldViolation } from "@penstock/errors";
import type { WishDialect } from "@penstock/formats";
import type { CompiledProvider, CompiledRoute } from "@penstock/snapshot";

/** Which providers the wishes of a request mean, by resource name. */
export interface ResolvedWishes {
  /** Undefined: any. */
  readonly only: ReadonlySet<string> | undefined;
  readonly ignore: ReadonlySet<string>;
  /** Place in the wished order; others come after. */
  readonly rank: ReadonlyMap<string, number>;
}

/** Short names by which people know kinds of providers. */
const kindsByAlias: Readonly<Record<string, string>> = {
  azure: "azure-openai",
  bedrock: "aws-bedrock",
  "amazon-bedrock": "aws-bedrock",
  google: "google-gemini",
  "google-ai-studio": "google-gemini",
  vertex: "google-vertex",
};

type ListName = "onlyProviders" | "ignoreProviders" | "providerOrder";

/** What each list is called where the caller wrote it. */
const fieldNames: Readonly<Record<ListName, readonly [long: string, short: string]>> = {
  onlyProviders: ["only_providers", "only"],
  ignoreProviders: ["ignore_providers", "ignore"],
  providerOrder: ["provider_order", "order"],
};

/** Names told of in an error. */
const mostNames = 20;

/**
 * Finds the providers that wishes name: by resource name, by id, or by their kind. A name that means
 * nothing in this installation is refused, with its place and the providers of the routes.
 */
export function resolveWishes(
  wishes: RoutingWishes,
  dialect: WishDialect | undefined,
  world: {
    readonly providers: ReadonlyMap<string, CompiledProvider>;
    readonly routes: readonly CompiledRoute[];
  },
): ResolvedWishes | GatewayError {
  const unknown: FieldViolation[] = [];
  const find = (list: ListName): string[] =>
    wishes[list].flatMap((name, index) => {
      const found = providersNamed(name, world.providers);
      if (found.length === 0) {
        const field = `${pathOf(list, dialect)}[${index}]`;
        unknown.push({ field, description: `names no provider: ${JSON.stringify(name)}` });
      }
      return found;
    });
  const only = find("onlyProviders");
  const ignore = new Set(find("ignoreProviders"));
  const rank = new Map<string, number>();
  for (const provider of find("providerOrder")) {
    if (!rank.has(provider)) rank.set(provider, rank.size);
  }
  if (unknown.length > 0) return unknownProviders(unknown, world.routes);
  return { only: wishes.onlyProviders.length === 0 ? undefined : new Set(only), ignore, rank };
}

/** Where the caller wrote a list. */
export function pathOf(list: ListName, dialect: WishDialect | undefined): string {
  const [long, short] = fieldNames[list];
  if (dialect === undefined) return `routing.${long}`;
  return dialect === "penstock.routing" ? `${dialect}.${long}` : `${dialect}.${short}`;
}

function providersNamed(name: string, providers: ReadonlyMap<string, CompiledProvider>): string[] {
  const full = name.startsWith("providers/") ? name : `providers/${name}`;
  if (providers.has(full)) return [full];
  const kind = Object.hasOwn(kindsByAlias, name) ? kindsByAlias[name] : name;
  const ofKind: string[] = [];
  for (const provider of providers.values()) {
    if (provider.kind === kind || provider.kind === name) ofKind.push(provider.name);
  }
  return ofKind;
}

function unknownProviders(
  fieldViolations: FieldViolation[],
  routes: readonly CompiledRoute[],
): GatewayError {
  const known = new Set(
    routes.flatMap(({ targets }) => targets.map(({ deployment }) => deployment.provider.name)),
  );
  const [first] = fieldViolations;
  const names = [...known].toSorted().slice(0, mostNames).join(", ");
  return new GatewayError(
    "FIELD_INVALID",
    `${first?.field} ${first?.description}. The model is served by: ${names}.`,
    { fieldViolations: fieldViolations.slice(0, mostNames) },
  );
}
