import type { Capabilities, Principal, Resource, Transport } from "@penstock/api";
import type { ErrorReason } from "@penstock/errors";
import type {
  CountingFormatName,
  EmbeddingFormatName,
  EmbeddingQuirks,
  FormatName,
  FormatQuirks,
} from "@penstock/formats";
import type { ModelPrices } from "@penstock/pricing";
import type { CompiledCondition } from "./condition.ts";
import type { FieldFault } from "./validate/field-problem.ts";

/** A resource in the form that is in use. */
export interface AcceptedResource {
  readonly resource: Resource;
  /** Revision at which the resource became so; lower than its newest one while that is refused. */
  readonly revision: bigint;
}

/** What is wrong with a resource of a configuration. */
export interface ResourceProblem {
  /** Resource name. */
  readonly name: string;
  /** Revision of the form that has the problem. */
  readonly revision: bigint;
  /** Path inside the resource in proto JSON names, such as `targets[0].deployment`. */
  readonly field: string;
  readonly description: string;
  /** Absent where the resource is as it should be, but not beside others. */
  readonly reason?: FieldFault;
}

/**
 * One revision of the configuration, compiled for reading. Immutable: a request pins the snapshot
 * that it began with. Maps are views; a caller or credential is computed when first asked for.
 */
export interface Snapshot {
  readonly installationId: string;
  /** Epoch of the configuration; a higher one wins over any revision. */
  readonly epoch: bigint;
  readonly revision: bigint;
  /** Every resource in use, by name. */
  readonly resources: ReadonlyMap<string, AcceptedResource>;
  /** Hash over all live entries, refused ones included; see `addToContentHash`. 32 bytes. */
  readonly contentHash: Uint8Array;
  /** Number of live entries, refused ones included, as in `ConfigHead.entry_count`. */
  readonly entryCount: number;
  /** What is wrong now, by resource name. */
  readonly problems: readonly ResourceProblem[];
  /** Secrets of virtual keys by public id, those of revoked and expired keys included. */
  readonly credentials: ReadonlyMap<string, Credential>;
  /** Callers by the name of their virtual key. */
  readonly callers: ReadonlyMap<string, Caller>;
  readonly providers: ReadonlyMap<string, CompiledProvider>;
  readonly deployments: ReadonlyMap<string, CompiledDeployment>;
  readonly routes: ReadonlyMap<string, CompiledRoute>;
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  /** By name: `limits/x`, `budgets/y`. */
  readonly quotas: ReadonlyMap<string, CompiledQuota>;
}

/** One secret of a virtual key. */
export interface Credential {
  /** Public part of the secret. */
  readonly id: string;
  /** SHA-256 of the whole secret text. 32 bytes. */
  readonly sha256: Uint8Array;
  /** Wall time from which the secret does not open the key; Infinity: never. */
  readonly expireTimeMs: number;
  readonly caller: Caller;
}

/** Everything about a virtual key that a request needs. */
export interface Caller {
  /** Ready to be put into messages. */
  readonly principal: Principal;
  /** Resource names. */
  readonly team: string;
  readonly project: string;
  readonly virtualKey: string;
  /** Wall time from which the key is expired; Infinity: never. */
  readonly expireTimeMs: number;
  /** Wall time from which the key is revoked; Infinity: it is not. */
  readonly revokeTimeMs: number;
  readonly maxConcurrentRequests: number;
  readonly trustTraceContext: boolean;
  /** Gap after which a quiet stream carries a sign of life; 0: never; undefined: as the door has it. */
  readonly keepaliveIntervalMs: number | undefined;
  /** Whether requests are served when usage can't be recorded; never where a budget applies. */
  readonly allowUnmetered: boolean;
  /** In scope, most specific scope first, then most specific pattern, then lower name. */
  readonly routes: readonly CompiledRoute[];
  /** In scope, by name. */
  readonly policies: readonly CompiledPolicy[];
  /** In scope and without a provider or deployment selector, by name. */
  readonly quotas: readonly CompiledQuota[];
  /** Whether any budget is in scope, with whatever selector. */
  readonly hasBudget: boolean;
  /** Whether any quota in scope asks for intents synced to the disk. */
  readonly syncedDurability: boolean;
}

/** A route, ready to be planned. */
export interface CompiledRoute {
  readonly name: string;
  /** `all` or the resource name of the scope. */
  readonly scopeName: string;
  /** 0 all, 1 team, 2 project, 3 virtual key: the higher is the more specific. */
  readonly scopeRank: number;
  /** Patterns: exact, or ending in `*`. */
  readonly models: readonly string[];
  /** Labels that the request must carry. */
  readonly labels: Readonly<Record<string, string>>;
  /** Condition that the request must fulfil; undefined: none. */
  readonly condition: CompiledCondition | undefined;
  readonly strategy: StrategyName;
  /** Share of requests that try a target first of which nothing was heard for a minute; 0 to 1. */
  readonly exploration: number;
  /** By priority, lowest number first, then in the order given. */
  readonly targets: readonly CompiledTarget[];
  readonly maxAttempts: number;
  readonly totalTimeoutMs: number;
  /** Whether a request that a provider's content filter has refused may go to the next target. */
  readonly contentFilterFallback: boolean;
  /** When a second target is asked while the first one is slow; undefined: never. */
  readonly hedging: CompiledHedging | undefined;
}

/** When a second target is asked, and how often at most. */
export interface CompiledHedging {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Share of a target's answers that must have begun by then, 0 to 1. */
  readonly quantile: number;
  /** Second calls at most, as a share of the requests that could have one. */
  readonly maxShare: number;
}

/** How the targets of a route are ordered. */
export type StrategyName = "priority" | "weighted" | "least_latency" | "least_busy" | "lowest_cost";

/** Timers of one attempt. */
export interface AttemptTimeouts {
  readonly connectMs: number;
  /** To the first content of a stream. */
  readonly firstTokenMs: number;
  /**
   * To the first byte of an answer that is not streamed: the first-token timer where one is set,
   * otherwise the attempt's, because a long answer may take its time as a whole.
   */
  readonly answerMs: number;
  readonly progressMs: number;
  readonly attemptMs: number;
}

/** One target of a route. */
export interface CompiledTarget {
  readonly deployment: CompiledDeployment;
  readonly priority: number;
  readonly weight: number;
  /** Route before deployment before provider before default. */
  readonly timeouts: AttemptTimeouts;
  /** Condition that the request must fulfil; undefined: none. */
  readonly condition: CompiledCondition | undefined;
}

/** How a deployment is asked for vectors. */
export interface CompiledEmbedding {
  readonly format: EmbeddingFormatName;
  readonly quirks: EmbeddingQuirks;
  /** Path of the request URL, the provider's `pathPrefix` included. */
  readonly path: string;
  /** Only vectors of one space can be compared. */
  readonly vectorSpace: string;
  /** Length of its vectors when a request asks for none; undefined: not said. */
  readonly dimensions: number | undefined;
}

/** A deployment, ready to be called. */
export interface CompiledDeployment {
  readonly name: string;
  readonly provider: CompiledProvider;
  /** The model in the provider's words. */
  readonly model: string;
  /** Empty: not said. */
  readonly region: string;
  readonly format: FormatName;
  readonly quirks: FormatQuirks;
  /** The deployment's own, then the provider's, then the kind's; absent: taken as yes. */
  readonly capabilities: Readonly<Capabilities>;
  /** Output tokens to reserve for a request that states no maximum; never asked of the provider. */
  readonly defaultMaxOutputTokens: number;
  /**
   * Output tokens to ask for in a format that can't do without a number, where the request states
   * none: what the configuration says. Undefined: what the format knows of the model.
   */
  readonly askedMaxOutputTokens: number | undefined;
  readonly maxConcurrentRequests: number;
  /** Resource name; empty: the deployment has no price. */
  readonly priceBook: string;
  /** Revision of the price book in use; 0: none. */
  readonly priceBookRevision: bigint;
  /** Prices at a wall time; undefined: the model has no price then. */
  pricesAt(wallMs: number): ModelPrices | undefined;
  /**
   * Quotas whose selector names this deployment or its provider, by name. Their scope is still to
   * be asked: `quota.appliesTo(caller)`.
   */
  readonly quotas: readonly CompiledQuota[];
  /** Path of the request URL, the provider's `pathPrefix` included. */
  readonly path: string;
  /** The same for streamed answers. */
  readonly streamPath: string;
  /** Undefined: it makes no vectors. */
  readonly embedding: CompiledEmbedding | undefined;
  /** Where its provider counts the tokens of an input; undefined: nowhere. */
  readonly counting: CompiledCounting | undefined;
}

/** How the tokens of an input are counted. */
export interface CompiledCounting {
  readonly format: CountingFormatName;
  /** Path of the request URL, the provider's `pathPrefix` included. */
  readonly path: string;
}

/** A provider, ready to be called. */
export interface CompiledProvider {
  readonly name: string;
  readonly kind: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path of the base URL without a slash at its end; empty at the root. */
  readonly pathPrefix: string;
  /** Reference `env:NAME`, `file:PATH` or that of a cloud's identity; empty: none is sent. */
  readonly credential: string;
  readonly privateNetwork: boolean;
  readonly transport: Readonly<Transport> | undefined;
  /** Headers that are the same for every request, flat: name, value, name, value. */
  readonly staticHeaders: readonly string[];
}

/** Which requests of a scope are meant. */
export interface CompiledSelector {
  readonly model: string | undefined;
  /** Resource name. */
  readonly provider: string | undefined;
  /** Resource name. */
  readonly deployment: string | undefined;
  /** Whether every end user counts apart. */
  readonly endUserEach: boolean;
  readonly tag: { readonly key: string; readonly value: string } | undefined;
}

/** A limit or a budget. */
export interface CompiledQuota {
  /** Resource name. */
  readonly name: string;
  /** Revision of the form in use. */
  readonly revision: bigint;
  readonly kind: "limit" | "budget";
  readonly unit: "requests" | "tokens" | "nano_usd";
  readonly amount: bigint;
  readonly period: "minute" | "day" | "month";
  /** IANA name; of meaning for days and months. */
  readonly timeZone: string;
  readonly onUnavailable: "deny" | "allow_capped" | "allow";
  /** Whether intents that it applies to are synced to the disk. */
  readonly synced: boolean;
  /** `all` or the resource name of the scope. */
  readonly scopeName: string;
  readonly selector: CompiledSelector;
  /** Whether the caller is in its scope. */
  appliesTo(caller: Pick<Caller, "team" | "project" | "virtualKey">): boolean;
  /** Whether its model and tag fit the request. */
  matches(model: string, labels: Readonly<Record<string, string>>): boolean;
  /**
   * Canonical key of the instance that counts this end user. Throws FIELD_INVALID when the quota
   * counts end users apart and the key would be longer than `maximumQuotaKeyLength`.
   */
  keyFor(endUser: string): string;
}

/** A policy. */
export interface CompiledPolicy {
  readonly name: string;
  /** `all` or the resource name of the scope. */
  readonly scopeName: string;
  readonly allowModels: readonly string[];
  readonly denyModels: readonly string[];
  readonly refuseUnknownFields: boolean;
  readonly refuseWishes: boolean;
  /** Resource names. */
  readonly denyProviders: readonly string[];
  /** Whether its selector fits the request; its scope fits when it is among a caller's policies. */
  matches(model: string, labels: Readonly<Record<string, string>>): boolean;
}

/** What policies ask about a request besides its model. */
export interface RequestFacts {
  readonly labels: Readonly<Record<string, string>>;
}

/** What the policies of a caller say to a request. */
export type PolicyDecision =
  | {
      readonly allowed: true;
      readonly refuseUnknownFields: boolean;
      /** Resource name of the policy that refuses wishes about routing. */
      readonly refusesWishes: string | undefined;
      /** Providers that may not be asked, each with the policy that says so; undefined: none. */
      readonly deniedProviders: ReadonlyMap<string, string> | undefined;
    }
  | {
      readonly allowed: false;
      /** Resource name of the policy that refuses. */
      readonly policy: string;
      readonly reason: ErrorReason;
      /** A sentence for the caller. */
      readonly message: string;
    };
