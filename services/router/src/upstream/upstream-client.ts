import type { Logger } from "@penstock/observability";
import type { CompiledProvider, CompiledTarget, Snapshot } from "@penstock/snapshot";
import { systemClock } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { AwsSigner } from "./aws-signature.ts";
import { ClockSkew } from "./clock-skew.ts";
import { ConnectionPool } from "./connections/connection-pool.ts";
import type { CallText } from "./connections/call-handler.ts";
import type { CredentialSource } from "./credentials.ts";
import { createGuardedConnector } from "./guarded-connector.ts";
import type { AddressLookup } from "./guarded-connector.ts";
import type { buildConnector } from "undici";
import { prepareTarget } from "./prepared-target.ts";
import type { Load, LoadedPool, PreparedTarget } from "./prepared-target.ts";
import { SignedAttempt } from "./signed-attempt.ts";
import { UpstreamAttempt } from "./upstream-attempt.ts";
import { withPassedHeaders } from "./passed-headers.ts";
import { headerLines, requestHead } from "./request-head.ts";
import type { TransportFailure, UpstreamCall, UpstreamHandle } from "./upstream-call.ts";

/**
 * Connections of one pool at most (performance.md §7). Targets are bounded by their own caps, so
 * that no request ever queues in a pool.
 */
const mostConnections = 1_024;
/** Idle connections are closed before providers do it; they say so if theirs is shorter. */
const keepAliveSeconds = 30;

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

const headInvalid: TransportFailure = {
  class: "CONNECTION",
  message: "the path or a header of the call is no valid HTTP",
  sentBytes: false,
  code: "REQUEST_HEAD_INVALID",
};

/** What a call is signed and sent with. */
interface SigningOptions {
  readonly pool: ConnectionPool;
  readonly signer: AwsSigner;
  readonly origin: string;
  readonly path: string;
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
    const head = headOf(call, prepared);
    if (head === undefined) {
      attempt.fail(headInvalid);
      return attempt;
    }
    const text = { head: `${head}x-request-id: ${call.attemptId}\r\n`, body: call.body };
    const { signer } = prepared;
    if (signer === undefined) pool.dispatch(text, attempt);
    else {
      const { origin } = call.target.deployment.provider;
      const path = pathOf(call, prepared);
      this.#dispatchSigned(text, { pool, signer, origin, path, attempt });
    }
    attempt.dispatched();
    return attempt;
  }

  /**
   * Never throws. A call whose signature is refused for its time is signed again, once, with the
   * time that the refusal tells.
   */
  #dispatchSigned(text: CallText, signing: SigningOptions): void {
    const { head, body } = text;
    const { pool, signer, origin, path, attempt, again = false } = signing;
    const clock = this.#options.clock ?? systemClock;
    const skew = (this.#skew ??= new ClockSkew(this.#options.observability.logger));
    const wallMs = skew.signingMs(origin, clock.wallMs());
    try {
      const signed = headerLines(signer.sign({ method: "POST", path, body, wallMs }));
      if (signed === undefined) throw new Error("a header of the signature is no valid HTTP");
      const first = new SignedAttempt(attempt, {
        isLate: (status, date) => skew.corrects(origin, { status, date }, wallMs, clock.wallMs()),
        again: () => {
          attempt.beginAgain();
          this.#dispatchSigned(text, { ...signing, again: true });
        },
      });
      pool.dispatch({ head: head + signed, body }, again ? attempt : first);
    } catch (error) {
      this.#options.observability.logger.error("a call can't be signed", { error });
      attempt.fail(signatureMissing);
    }
  }

  /** Whether the target has as many calls under way as it may; then it is not to be called. */
  isFull(target: CompiledTarget): boolean {
    const { load, pool } = this.#prepare(target);
    if (pool.inFlight >= mostConnections || pool.pool?.isFull === true) return true;
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
      loaded.pool?.close();
    }
    for (const [name, load] of this.#loads) {
      if (load.inFlight === 0 && !snapshot.deployments.has(name)) this.#loads.delete(name);
    }
  }

  /** Breaks every connection. */
  close(): void {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    for (const { pool } of pools) pool?.destroy();
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

  #openPool({ deployment: { provider }, timeouts }: CompiledTarget): ConnectionPool | undefined {
    try {
      const connect = createGuardedConnector({
        provider,
        timeoutMs: timeouts.connectMs,
        lookup: this.#options.lookup,
      });
      const { host, hostname, port, protocol } = new URL(provider.origin);
      const target = { host, hostname: hostname.replace(/^\[|\]$/g, ""), port, protocol };
      return new ConnectionPool({
        connect: (callback) => connect(target, callback as buildConnector.Callback),
        clock: this.#options.clock ?? systemClock,
        mostConnections,
        keepAliveSeconds,
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

function pathOf(call: UpstreamCall, prepared: PreparedTarget): string {
  return call.path ?? (call.stream ? prepared.streamPath : prepared.path);
}

/** Nearly all calls have the head that was made with their target. */
function headOf(call: UpstreamCall, prepared: PreparedTarget): string | undefined {
  const { path, passedHeaders = [] } = call;
  if (path === undefined && passedHeaders.length === 0) {
    return call.stream ? prepared.streamHead : prepared.unaryHead;
  }
  const own = call.stream ? prepared.streamHeaders : prepared.unaryHeaders;
  const headers = withPassedHeaders(own, passedHeaders);
  return requestHead(pathOf(call, prepared), prepared.host, headers);
}
