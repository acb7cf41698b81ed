import type { StreamEvent, StreamWriter } from "@penstock/formats";
import type { Timer } from "@penstock/runtime";
import type { Scenario } from "../scenario.ts";
import { answerHeaders, endCall, endOf, identityOf, repliedTokens, usageOf } from "./call.ts";
import type { Call } from "./call.ts";
import { inBandError } from "./in-band-error.ts";
import { StreamScript } from "./stream-script.ts";
import { eventsWithoutUsage } from "./without-usage.ts";

/** How often a stalled stream that pings does so. */
const pingIntervalMs = 200;
const streamFaults = [
  "cutAfter",
  "endAfter",
  "stallAfter",
  "pingAfter",
  "malformedAfter",
  "errorAfter",
] as const satisfies readonly (keyof Scenario)[];

/** Sends the reply piece by piece, until it ends or its fault is reached. */
export class StreamedAnswer {
  readonly #call: Call;
  readonly #writer: StreamWriter;
  readonly #script: StreamScript;
  readonly #reportsUsage: boolean;
  /** Binary streams prove by their usage that they are whole, and can't go without. */
  readonly #omitsUsage: boolean;
  #sent = 0;
  #timer: Timer | undefined;

  constructor(call: Call) {
    this.#call = call;
    this.#script = new StreamScript(call.replies);
    this.#omitsUsage =
      call.scenario.noUsage === true && call.endpoint.format.streamEncoding === undefined;
    this.#reportsUsage = call.asked.includeUsage && !this.#omitsUsage;
    this.#writer = call.endpoint.format.createStreamWriter(identityOf(call), {
      includeUsage: this.#reportsUsage,
    });
    call.response.on("close", () => this.#timer?.cancel());
  }

  start(): void {
    const { response, entry, endpoint, scenario, clock } = this.#call;
    entry.status = 200;
    response.writeHead(200, {
      "content-type": endpoint.format.streamContentType,
      ...answerHeaders(this.#call),
    });
    response.flushHeaders();
    this.#send(this.#write(this.#script.opening));
    if (this.#misbehaves()) return;
    const { contentDelayMs } = scenario;
    if (contentDelayMs === undefined) this.#next();
    else this.#timer = clock.schedule(contentDelayMs, () => this.#next());
  }

  #next(): void {
    const { entry, clock, tokenIntervalMs } = this.#call;
    // Tokens without a gap leave in one write, as from a vendor that batches them.
    const chunks: Chunk[] = [];
    for (;;) {
      const piece = this.#script.piece(this.#sent);
      if (piece === undefined) {
        this.#finish(chunks);
        return;
      }
      chunks.push(...this.#write(piece));
      this.#sent += 1;
      entry.sentTokens = this.#sent;
      if (tokenIntervalMs > 0 || this.#faultReached() !== undefined) break;
    }
    this.#send(chunks);
    if (this.#misbehaves()) return;
    this.#timer = clock.schedule(tokenIntervalMs, () => this.#next());
  }

  #finish(chunks: readonly Chunk[]): void {
    const { response, entry, scenario } = this.#call;
    if (scenario.noEnd === true) {
      endCall(this.#call, "fault");
      response.end(this.#joined(chunks));
      return;
    }
    const last = this.#strip(this.#writer.finish(endOf(this.#call), usageOf(this.#call)));
    if (this.#reportsUsage) entry.reportedOutputTokens = repliedTokens(this.#call);
    response.end(this.#joined([...chunks, last]));
  }

  #write(events: readonly StreamEvent[]): Chunk[] {
    return events.map((event) => this.#strip(this.#writer.event(event)));
  }

  /** Formats whose streams always end with usage know no other way to leave it out. */
  #strip(text: string): string {
    return this.#omitsUsage ? eventsWithoutUsage(text) : text;
  }

  #joined(chunks: readonly Chunk[]): Buffer {
    const encoding = this.#call.endpoint.format.streamEncoding ?? "utf8";
    return Buffer.concat(
      chunks.map((chunk) => (typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk)),
    );
  }

  #send(chunks: readonly Chunk[]): void {
    const bytes = this.#joined(chunks);
    if (bytes.length > 0) this.#call.response.write(bytes);
  }

  #faultReached(): (typeof streamFaults)[number] | undefined {
    return streamFaults.find((fault) => this.#call.scenario[fault] === this.#sent);
  }

  /** True when the fault of this moment was carried out and nothing more is to be sent. */
  #misbehaves(): boolean {
    const fault = this.#faultReached();
    if (fault === undefined) return false;
    const { response, request, endpoint } = this.#call;
    switch (fault) {
      case "cutAfter":
        // What was written shall arrive before the connection breaks.
        response.write("", () => {
          endCall(this.#call, "fault");
          request.socket.destroy();
        });
        return true;
      case "endAfter":
        this.#endWith("");
        return true;
      case "stallAfter":
        return true;
      case "pingAfter":
        this.#ping();
        return true;
      case "malformedAfter":
        this.#endWith(endpoint.dialect.malformedChunk);
        return true;
      case "errorAfter": {
        const { dialect } = endpoint;
        this.#endWith(
          dialect.streamError(inBandError(this.#call), identityOf(this.#call).requestId),
        );
        return true;
      }
    }
  }

  #endWith(last: Chunk): void {
    endCall(this.#call, "fault");
    this.#call.response.end(this.#joined([last]));
  }

  #ping(): void {
    const { response, clock, endpoint } = this.#call;
    const { keepaliveText } = endpoint.format;
    if (keepaliveText !== "") response.write(keepaliveText);
    this.#timer = clock.schedule(pingIntervalMs, () => this.#ping());
  }
}

type Chunk = string | Uint8Array;
