import type { Logger } from "@penstock/observability";
import type { CompiledProvider, CompiledTarget, Snapshot } from "@penstock/snapshot";
import { systemClock } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { Pool } from "undici";
import type { AwsSigner } from "./aws-signature.ts";
import { ClockSkew } from "./clock-skew.ts";
import type { CredentialSource } from "./credentials.ts";
import { createGuardedConnector } from "./guarded-connector.ts";
import type { AddressLookup } from "./guarded-connector.ts";
import { prepareTarget } from "./prepared-target.ts";
import type { Load, LoadedPool, PreparedTarget } from "./prepared-target.ts";
import { SignedAttempt } from "./signed-attempt.ts";
import { UpstreamAttempt } from "./upstream-attempt.ts";
import { withPassedHeaders } from "./passed-headers.ts";
import type { TransportFailure, UpstreamCall, UpstreamHandle } from "./upstream-call.ts";

/**
 * Connections of one pool at most (performance.md §7). Targets are bounded by their own caps, so
 * that no request ever queues in a pool.
 */
const mostConnections = 1_024;
/** Idle connections are closed before providers do it; they say so if theirs is shorter. */
const keepAliveMs = 30_000;
/** Bound of the headers of an answer (security R5). */
const largestHeadBytes = 32_768;

const credentialMissing: TransportFailure = {
  class: "AUTH_FAILED",
  message: "the provider's credential is missing",
  sentBytes: false,
};
const signatureMissing: TransportFailure = {
  class: "AUTH_FAILED",
  message: "the call can't be signed",
  sentBytes: false,
};
const transportUnreadable: TransportFailure = {
  class: "CONNECTION",
  message: "a file of the provider's transport can't be read",
  sentBytes: false,
  cause: "tls_failed",
  code: "TRANSPORT_UNREADABLE",
};

/** A call as undici takes it. */
interface CallRequest {
  readonly path: string;
  readonly method: "POST";
  readonly headers: string[];
  readonly body: string | Buffer;
  readonly blocking: boolean;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

/** What a call is signed and sent with. */
interface SigningOptions {
  readonly pool: Pool;
  readonly signer: AwsSigner;
  readonly origin: string;
  readonly attempt: UpstreamAttempt;
  /** True when it was signed once already. */
  readonly again?: boolean;
}

/** Everything a connection depends on, but for its timeout. */
function connectionKey({ origin, privateNetwork, transport }: CompiledProvider): string {
  return JSON.stringify([origin, privateNetwork, transport ?? null]);
}

/** What a client needs. */
export interface UpstreamClientOptions {
  readonly credentials: CredentialSource;
  readonly observability: { readonly logger: Logger };
  /** Resolves names; the system's when absent. */
  readonly lookup?: AddressLookup;
  /** Tells when calls are signed; the system's when absent. */
  readonly clock?: Clock;
}

/** The one place that calls providers. */
export class UpstreamClient {
  readonly #options: UpstreamClientOptions;
  /** By everything that a connection depends on. */
  readonly #pools = new Map<string, LoadedPool>();
  /** By name of the deployment. */
  readonly #loads = new Map<string, Load>();
  readonly #prepared = new WeakMap<CompiledTarget, PreparedTarget>();
  /** The one that was asked for last, which is asked for several times by each call. */
  #latest: PreparedTarget | undefined;
  /** One for all signed calls; undefined: none was made. */
  #skew: ClockSkew | undefined;

  constructor(options: UpstreamClientOptions) {
    this.#options = options;
  }

  /**
   * Sends one attempt. Never calls the sink before it returns, and never waits for a connection
   * beyond those of the target's cap: ask `isFull` before.
   */
  dispatch(call: UpstreamCall): UpstreamHandle {
    const prepared = this.#prepare(call.target);
    const attempt = new UpstreamAttempt(call.sink, prepared);
    const { pool } = prepared.pool;
    if (prepared.headers === undefined || pool === undefined) {
      attempt.fail(prepared.headers === undefined ? credentialMissing : transportUnreadable);
      return attempt;
    }
    const own = call.stream ? prepared.streamHeaders : prepared.unaryHeaders;
    const headers = withPassedHeaders(own, call.passedHeaders);
    headers[1] = call.attemptId;
    const request: CallRequest = {
      path: call.path ?? (call.stream ? prepared.streamPath : prepared.path),
      method: "POST",
      headers,
      body: call.body,
      // A connection serves one call at a time, and the timers are those of the attempt.
      blocking: false,
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const { signer } = prepared;
    if (signer === undefined) pool.dispatch(request, attempt);
    else {
      const { origin } = call.target.deployment.provider;
      void this.#dispatchSigned(request, { pool, signer, origin, attempt });
    }
    attempt.dispatched();
    return attempt;
  }

  /**
   * Never rejects. A call that was cancelled meanwhile is not sent. One whose signature is refused
   * for its time is signed again, once, with the time that the refusal tells.
   */
  async #dispatchSigned(request: CallRequest, signing: SigningOptions): Promise<void> {
    const { method, path, body } = request;
    const { pool, signer, origin, attempt, again = false } = signing;
    const clock = this.#options.clock ?? systemClock;
    const skew = (this.#skew ??= new ClockSkew(this.#options.observability.logger));
    const wallMs = skew.signingMs(origin, clock.wallMs());
    try {
      const signed = await signer.sign({ method, path, body, wallMs });
      const first = new SignedAttempt(attempt, {
        isLate: (status, date) => skew.corrects(origin, { status, date }, wallMs, clock.wallMs()),
        again: () => {
          attempt.beginAgain();
          void this.#dispatchSigned(request, { ...signing, again: true });
        },
      });
      const headers = request.headers.concat(signed);
      pool.dispatch({ ...request, headers }, again ? attempt : first);
    } catch (error) {
      this.#options.observability.logger.error("a call can't be signed", { error });
      attempt.fail(signatureMissing);
    }
  }

  /** Whether the target has as many calls under way as it may; then it is not to be called. */
  isFull(target: CompiledTarget): boolean {
    const { load, pool } = this.#prepare(target);
    if (pool.inFlight >= mostConnections) return true;
    return load.inFlight >= target.deployment.maxConcurrentRequests;
  }

  /** Whether its credential can be resolved; otherwise the deployment is CREDENTIAL_MISSING. */
  hasCredential(target: CompiledTarget): boolean {
    return this.#prepare(target).headers !== undefined;
  }

  /** Ends the pools of providers that the snapshot does not have, once their calls have ended. */
  retain(snapshot: Pick<Snapshot, "providers" | "deployments">): void {
    this.#latest = undefined;
    const wanted = new Set([...snapshot.providers.values()].map(connectionKey));
    for (const [key, loaded] of this.#pools) {
      if (wanted.has(key.slice(0, key.lastIndexOf(" ")))) continue;
      this.#pools.delete(key);
      loaded.retired = true;
      void loaded.pool?.close().catch(() => undefined);
    }
    for (const [name, load] of this.#loads) {
      if (load.inFlight === 0 && !snapshot.deployments.has(name)) this.#loads.delete(name);
    }
  }

  /** Breaks every connection. */
  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(async ({ pool }) => pool?.destroy()));
  }

  #prepare(target: CompiledTarget): PreparedTarget {
    const { credentials } = this.#options;
    const latest = this.#latest;
    const known = latest?.target === target ? latest : this.#prepared.get(target);
    if (known !== undefined && known.credentialVersion === credentials.version) {
      this.#latest = known;
      if (!known.pool.retired) return known;
    }
    const prepared = prepareTarget(
      target,
      credentials,
      this.#poolOf(target),
      this.#loadOf(target.deployment.name),
    );
    this.#prepared.set(target, prepared);
    this.#latest = prepared;
    return prepared;
  }

  #loadOf(deployment: string): Load {
    const known = this.#loads.get(deployment);
    if (known !== undefined) return known;
    const load = { inFlight: 0 };
    this.#loads.set(deployment, load);
    return load;
  }

  #poolOf(target: CompiledTarget): LoadedPool {
    const { provider } = target.deployment;
    const key = `${connectionKey(provider)} ${target.timeouts.connectMs}`;
    const known = this.#pools.get(key);
    if (known?.pool !== undefined) return known;
    const loaded = { inFlight: 0, retired: false, pool: this.#openPool(target) };
    this.#pools.set(key, loaded);
    return loaded;
  }

  #openPool({ deployment: { provider }, timeouts }: CompiledTarget): Pool | undefined {
    try {
      const connect = createGuardedConnector({
        provider,
        timeoutMs: timeouts.connectMs,
        lookup: this.#options.lookup,
      });
      return new Pool(provider.origin, {
        connect,
        connections: mostConnections,
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout: keepAliveMs,
        maxHeaderSize: largestHeadBytes,
      });
    } catch (error) {
      this.#options.observability.logger.error("a provider can't be called", {
        provider: provider.name,
        error,
      });
      return undefined;
    }
  }
}
