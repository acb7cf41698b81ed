import { BlockKind } from "@penstock/api";
import { openaiChat } from "@penstock/formats";
import type { StreamWriter } from "@penstock/formats";
import type { Timer } from "@penstock/runtime";
import type { Scenario } from "../scenario.ts";
import { endCall, endOf, identityOf, usageOf } from "./chat-call.ts";
import type { ChatCall } from "./chat-call.ts";
import { overloadedText } from "./overloaded-text.ts";

/** How often a stalled stream that pings does so. */
const pingIntervalMs = 200;
const inference = "penstock.inference.v1";
const streamFaults = [
  "cutAfter",
  "endAfter",
  "stallAfter",
  "pingAfter",
  "malformedAfter",
  "errorAfter",
] as const;

/** Sends the reply piece by piece, until it ends or its fault is reached. */
export class StreamedAnswer {
  readonly #call: ChatCall;
  readonly #writer: StreamWriter;
  readonly #reportsUsage: boolean;
  #sent = 0;
  #timer: Timer | undefined;

  constructor(call: ChatCall) {
    this.#call = call;
    this.#reportsUsage = call.asked.includeUsage && !call.scenario.noUsage;
    this.#writer = openaiChat.createStreamWriter(identityOf(call), {
      includeUsage: this.#reportsUsage,
    });
    call.response.on("close", () => this.#timer?.cancel());
  }

  start(): void {
    const { response, reply, entry, scenario } = this.#call;
    entry.status = 200;
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "x-request-id": `sim-${entry.number}`,
    });
    response.flushHeaders();
    if (this.#misbehaves(scenario)) return;
    const tool = reply.toolName !== undefined;
    const opening = this.#writer.event({
      case: "blockStarted",
      value: {
        $typeName: `${inference}.BlockStarted`,
        index: 0,
        candidate: 0,
        kind: tool ? BlockKind.TOOL_CALL : BlockKind.TEXT,
        toolCallId: tool ? reply.toolCallId : "",
        toolName: reply.toolName ?? "",
      },
    });
    if (opening !== "") response.write(opening);
    this.#next();
  }

  #next(): void {
    const { response, reply, entry, scenario, clock, tokenIntervalMs } = this.#call;
    // Tokens without a gap leave in one write, as from a vendor that batches them.
    let text = "";
    for (;;) {
      const piece = reply.pieces[this.#sent];
      if (piece === undefined) {
        this.#finish(text);
        return;
      }
      const delta =
        reply.toolName === undefined
          ? ({ case: "text", value: piece } as const)
          : ({ case: "argumentsJson", value: piece } as const);
      text += this.#writer.event({
        case: "blockDelta",
        value: { $typeName: `${inference}.BlockDelta`, index: 0, delta },
      });
      this.#sent += 1;
      entry.sentTokens = this.#sent;
      if (tokenIntervalMs > 0 || this.#faultReached(scenario)) break;
    }
    response.write(text);
    if (this.#misbehaves(scenario)) return;
    this.#timer = clock.schedule(tokenIntervalMs, () => this.#next());
  }

  #finish(text: string): void {
    const { response, reply, entry } = this.#call;
    const ended = this.#writer.event({
      case: "blockEnded",
      value: { $typeName: `${inference}.BlockEnded`, index: 0 },
    });
    const last = this.#writer.finish(endOf(this.#call), usageOf(this.#call));
    if (this.#reportsUsage) entry.reportedOutputTokens = reply.pieces.length;
    response.end(text + ended + last);
  }

  #faultReached(scenario: Scenario): boolean {
    return streamFaults.some((fault) => scenario[fault] === this.#sent);
  }

  /** True when the fault of this moment was carried out and nothing more is to be sent. */
  #misbehaves(scenario: Scenario): boolean {
    const fault = streamFaults.find((name) => scenario[name] === this.#sent);
    if (fault === undefined) return false;
    const { response, request } = this.#call;
    switch (fault) {
      case "cutAfter":
        // What was written shall arrive before the connection breaks.
        response.write("", () => {
          endCall(this.#call, "fault");
          request.socket.destroy();
        });
        return true;
      case "endAfter":
        endCall(this.#call, "fault");
        response.end();
        return true;
      case "stallAfter":
        return true;
      case "pingAfter":
        this.#ping();
        return true;
      case "malformedAfter":
        endCall(this.#call, "fault");
        response.end("data: {no json\n\n");
        return true;
      case "errorAfter":
        endCall(this.#call, "fault");
        response.end(`data: ${overloadedText}

`);
        return true;
    }
  }

  #ping(): void {
    const { response, clock } = this.#call;
    response.write(openaiChat.keepaliveText);
    this.#timer = clock.schedule(pingIntervalMs, () => this.#ping());
  }
}
