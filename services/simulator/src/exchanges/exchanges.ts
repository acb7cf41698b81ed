import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "@penstock/runtime";
import { hashBody, modelOf } from "./exchange.ts";
import type { ExchangeKey, RecordedAnswer } from "./exchange.ts";
import { ExchangeStore } from "./exchange-store.ts";
import { recordExchange } from "./record-exchange.ts";
import { UnknownRequests } from "./unknown-requests.ts";

/** Where answers come from besides the simulation. */
export interface ExchangeOptions {
  /**
   * `record`: calls of the vendors in `upstreams` go to the real ones, and answers are kept.
   * `replay`: what was recorded is answered, the rest simulated. `strict`: the rest is refused.
   */
  readonly mode: "record" | "replay" | "strict";
  /** Folder of the recorded exchanges, a file each. */
  readonly folder: string;
  /** Base URL of each vendor that is recorded, without a slash at its end. */
  readonly upstreams: Readonly<Record<string, string>>;
}

/** A call before anything was made of it. */
export interface IncomingCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly vendor: string;
  /** Behind the vendor's name. */
  readonly path: string;
  readonly query: string;
  readonly body: Buffer;
}

/** Recording and replaying, before the simulation is asked. */
export class Exchanges {
  readonly unknown = new UnknownRequests();
  readonly #options: ExchangeOptions;
  readonly #store: ExchangeStore;
  readonly #clock: Clock;

  /** Throws GatewayError FIELD_INVALID when the folder holds something else. */
  constructor(options: ExchangeOptions, clock: Clock) {
    this.#options = options;
    this.#store = new ExchangeStore(options.folder);
    this.#clock = clock;
  }

  /** What becomes of a call: it was taken care of, is to be simulated, or is not known. */
  take(call: IncomingCall): "taken" | "simulate" | "unknown" {
    const { mode, upstreams } = this.#options;
    const key = keyOf(call);
    if (mode === "record") {
      const upstreamUrl = Object.hasOwn(upstreams, call.vendor)
        ? upstreams[call.vendor]
        : undefined;
      if (upstreamUrl === undefined) return "simulate";
      const now = (): Date => new Date(this.#clock.wallMs());
      recordExchange({ ...call, key, upstreamUrl, store: this.#store, now });
      return "taken";
    }
    const answer = this.#store.answer(key);
    if (answer !== undefined) {
      replay(call.response, answer);
      return "taken";
    }
    if (mode === "replay") return "simulate";
    this.unknown.add(key, modelOf(call.body));
    return "unknown";
  }
}

function keyOf({ request, vendor, path, body }: IncomingCall): ExchangeKey {
  return { vendor, method: request.method ?? "", path, bodySha256: hashBody(body) };
}

function replay(response: ServerResponse, answer: RecordedAnswer): void {
  const { status, headers, text, base64 = "" } = answer;
  const body = text === undefined ? Buffer.from(base64, "base64") : Buffer.from(text);
  response.writeHead(status, { ...headers, "content-length": String(body.length) });
  response.end(body);
}
