import { GatewayError } from "@penstock/errors";
import type { RequestContext } from "./request-context.ts";
import type { Refusal } from "./stage.ts";

/** Requests that one process has open at once (decisions §4): what its memory can carry. */
export const maximumRequestsInFlight = 10_000;

/** Lets a request in, or says why not. Does nothing for one that is in already. */
export function admit(context: RequestContext, parts: { readonly admission: Admission }): Refusal {
  return parts.admission.enter(context);
}

/** Requests that a virtual key has open. */
export interface OpenOfKey {
  open: number;
}

/** Counts open requests, of the process and of each virtual key. */
export class Admission {
  /**
   * In no order, each at its `openIndex`. Not a Set: what has once been in the table of a Set that
   * comes and goes with every request outlives the young generation, and its collection then
   * costs more than the request itself.
   */
  readonly #open: RequestContext[] = [];
  #draining = false;
  /** One entry per key with an open request, and some that had one. */
  readonly #openByKey = new Map<string, OpenOfKey>();

  /** Requests that are open now. */
  get open(): number {
    return this.#open.length;
  }

  /** From now on every request is refused with DRAINING. */
  drain(): void {
    this.#draining = true;
  }

  /** Ends every open request with the error. */
  interruptAll(error: GatewayError): void {
    const open = [...this.#open];
    for (const context of open) context.handler?.interrupt(error);
  }

  /** Lets a request in, or says why not: 503 for the process, 429 for the key. */
  enter(context: RequestContext): Refusal {
    if (context.admitted) return undefined;
    if (this.#draining) {
      return new GatewayError("DRAINING", "This router is shutting down. Ask another one.", {
        retryAfterMs: 1_000,
      });
    }
    if (this.#open.length >= maximumRequestsInFlight) {
      return new GatewayError("OVERLOADED", "The gateway has too much to do. Try again shortly.", {
        retryAfterMs: 1_000 + Math.random() * 2_000,
        metadata: { requests_in_flight: String(this.#open.length) },
      });
    }
    const caller = context.caller;
    if (caller === undefined) throw new Error("admit runs after authenticate");
    const ofKey = this.#ofKey(caller.virtualKey);
    if (ofKey.open >= caller.maxConcurrentRequests) {
      return tooManyAtOnce(caller.virtualKey, ofKey.open);
    }
    context.openIndex = this.#open.push(context) - 1;
    ofKey.open += 1;
    context.openOfKey = ofKey;
    context.admitted = true;
    return undefined;
  }

  /** Gives the place back; does nothing for a request that never had one. */
  leave(context: RequestContext): void {
    const { openOfKey } = context;
    if (!context.admitted || openOfKey === undefined) return;
    context.admitted = false;
    this.#remove(context);
    openOfKey.open -= 1;
  }

  /** A key that comes and goes keeps its entry: a map that loses and gets one is built anew. */
  #ofKey(virtualKey: string): OpenOfKey {
    const known = this.#openByKey.get(virtualKey);
    if (known !== undefined) return known;
    if (this.#openByKey.size >= 2 * maximumRequestsInFlight) this.#forgetIdle();
    const made = { open: 0 };
    this.#openByKey.set(virtualKey, made);
    return made;
  }

  /** No more keys are left than requests are open. */
  #forgetIdle(): void {
    for (const [virtualKey, { open }] of this.#openByKey) {
      if (open === 0) this.#openByKey.delete(virtualKey);
    }
  }

  /** The last one takes its place. */
  #remove(context: RequestContext): void {
    const last = this.#open.pop();
    if (last === undefined || last === context) return;
    this.#open[context.openIndex] = last;
    last.openIndex = context.openIndex;
  }
}

function tooManyAtOnce(virtualKey: string, open: number): GatewayError {
  const description = `The virtual key has ${open} requests open, as many as it may have at once.`;
  return new GatewayError("LIMIT_EXCEEDED", `${description} Wait for one of them to end.`, {
    retryAfterMs: 1_000,
    metadata: { limit: "max_concurrent_requests", scope: virtualKey },
    quotaViolations: [
      {
        subject: virtualKey,
        quota: "max_concurrent_requests",
        metric: "concurrent_requests",
        limit: String(open),
        description,
      },
    ],
  });
}
