import { randomBytes } from "node:crypto";
import { askOverGrpc, askOverHttp } from "@penstock/test-support";
import type { Constellation, Transcript } from "@penstock/test-support";

/** A caller's span, which the gateway is to continue or to link to. */
export interface CallerSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceparent: string;
}

/** What was asked with which span. */
export interface Asked {
  readonly caller: CallerSpan;
  readonly transcript: Transcript;
}

/** How to ask. */
export interface Asking {
  readonly door: "http" | "grpc";
  readonly model: string;
  /** Another virtual key than the callers' own. */
  readonly from?: string;
  /** Whether the caller's trace is recorded; it is when absent. */
  readonly sampled?: boolean;
}

/** Makes up a span in a trace of its own. */
export function callerSpan(sampled: boolean): CallerSpan {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` };
}

/** Callers who ask each with a span of its own, and what they got, by name. */
export class TracedCallers {
  readonly #gateway: Constellation;
  readonly #key: string;
  readonly #prompt: string;
  readonly #asked = new Map<string, Asked>();

  constructor(gateway: Constellation, own: { readonly key: string; readonly prompt: string }) {
    this.#gateway = gateway;
    this.#key = own.key;
    this.#prompt = own.prompt;
  }

  async ask(
    name: string,
    { door, model, from = this.#key, sampled = true }: Asking,
  ): Promise<void> {
    const caller = callerSpan(sampled);
    const { traceparent } = caller;
    const question = { model, prompt: this.#prompt, stream: true, traceparent };
    const transcript =
      door === "http"
        ? await askOverHttp(this.#gateway, from, question)
        : await askOverGrpc(this.#gateway.grpcClient(from), question);
    this.#asked.set(name, { caller, transcript });
  }

  seen(name: string): Asked {
    const found = this.#asked.get(name);
    if (found === undefined) throw new Error(`${name} was not asked`);
    return found;
  }
}
