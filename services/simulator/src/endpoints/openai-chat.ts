import type { IncomingMessage, ServerResponse } from "node:http";
import { BlockKind, FinishReason, UsageSource } from "@penstock/api";
import type { CandidateFinish, TokenUsage } from "@penstock/api";
import { GatewayError, reasons } from "@penstock/errors";
import { openaiChat } from "@penstock/formats";
import type { AnswerEnd, AnswerIdentity, CallerRequest, StreamWriter } from "@penstock/formats";
import type { Clock, Timer } from "@penstock/runtime";
import type { SimulatedCall } from "../call-log.ts";
import type { Reply } from "../reply.ts";
import type { Scenario } from "../scenario.ts";

/** One call, ready to be answered. */
export interface ChatCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly asked: CallerRequest;
  readonly scenario: Scenario;
  readonly reply: Reply;
  readonly entry: SimulatedCall;
  readonly inputTokens: number;
  readonly firstTokenMs: number;
  readonly tokenIntervalMs: number;
  readonly clock: Clock;
}

/** How often a stalled stream that pings does so. */
const pingIntervalMs = 200;

/** Answers one call of `POST /v1/chat/completions`, as its scenario says. */
export function answerOpenaiChat(call: ChatCall): void {
  const { scenario, response, entry, clock } = call;
  response.on("close", () => {
    if (entry.end === "open")
      end(call, response.writableFinished ? "complete" : "closed_by_caller");
  });
  if (scenario.hang) return;
  if (scenario.reset) {
    end(call, "fault");
    call.request.socket.resetAndDestroy();
    return;
  }
  if (scenario.status !== undefined) {
    answerStatus(call, scenario.status);
    return;
  }
  if (scenario.html) {
    entry.status = 200;
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<html><body>Welcome</body></html>");
    return;
  }
  const answer = call.asked.stream ? new StreamedAnswer(call) : { start: () => answerWhole(call) };
  const timer = clock.schedule(call.firstTokenMs, () => answer.start());
  response.on("close", () => timer.cancel());
}

/** An error in OpenAI's shape. */
export function answerError(response: ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({
    error: { message, type: errorTypes[status] ?? "server_error", param: null, code: null },
  });
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body);
}

const errorTypes: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "invalid_request_error",
  429: "rate_limit_exceeded",
  503: "service_unavailable_error",
};

/** What the caller sent can't be read: told as a vendor would. */
export function answerUnreadable(response: ServerResponse, error: GatewayError): void {
  answerError(response, reasons[error.reason].httpStatus, error.message);
}

function answerStatus(call: ChatCall, status: number): void {
  const { response, scenario, entry } = call;
  entry.status = status;
  entry.end = "fault";
  if (scenario.retryAfterSeconds !== undefined) {
    response.setHeader("retry-after", String(scenario.retryAfterSeconds));
  }
  answerError(response, status, `simulated ${status}`);
}

function answerWhole(call: ChatCall): void {
  const { response, reply, entry, scenario } = call;
  const { pieces, toolName, toolCallId } = reply;
  const text = pieces.join("");
  const part =
    toolName === undefined
      ? ({
          case: "text",
          value: { $typeName: `${inference}.TextPart`, text, refusal: false },
        } as const)
      : ({
          case: "toolCall",
          value: {
            $typeName: `${inference}.ToolCallPart`,
            id: toolCallId,
            name: toolName,
            argumentsJson: text,
          },
        } as const);
  const finish = finishOf(reply);
  const parts = [{ $typeName: `${inference}.ContentPart` as const, part }];
  let body = openaiChat.writeResponse(
    { candidates: [{ parts, finish }], end: endOf(call) },
    identityOf(call),
    usageOf(call, pieces.length),
  );
  if (scenario.noUsage) body = JSON.stringify({ ...JSON.parse(body), usage: undefined });
  else entry.reportedOutputTokens = pieces.length;
  entry.status = 200;
  if (scenario.malformedAfter !== undefined) body = body.slice(0, body.length / 2);
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "x-request-id": `sim-${entry.number}`,
  });
  const broken = scenario.cutAfter ?? scenario.endAfter;
  if (broken !== undefined || scenario.stallAfter !== undefined) {
    response.write(body.slice(0, body.length / 2), () => {
      if (broken === undefined) return;
      end(call, "fault");
      call.request.socket.resetAndDestroy();
    });
    return;
  }
  entry.sentTokens = pieces.length;
  response.end(body);
}

/** Sends the reply piece by piece, until it ends or its fault is reached. */
class StreamedAnswer {
  readonly #call: ChatCall;
  readonly #writer: StreamWriter;
  #sent = 0;
  #timer: Timer | undefined;

  constructor(call: ChatCall) {
    this.#call = call;
    this.#writer = openaiChat.createStreamWriter(identityOf(call), {
      includeUsage: call.asked.includeUsage && !call.scenario.noUsage,
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
    const { response, reply, entry, scenario } = this.#call;
    const ended = this.#writer.event({
      case: "blockEnded",
      value: { $typeName: `${inference}.BlockEnded`, index: 0 },
    });
    const last = this.#writer.finish(endOf(this.#call), usageOf(this.#call, reply.pieces.length));
    if (!scenario.noUsage) entry.reportedOutputTokens = reply.pieces.length;
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
          end(this.#call, "fault");
          request.socket.destroySoon();
          request.socket.destroy();
        });
        return true;
      case "endAfter":
        end(this.#call, "fault");
        response.end();
        return true;
      case "stallAfter":
        return true;
      case "pingAfter":
        this.#ping();
        return true;
      case "malformedAfter":
        end(this.#call, "fault");
        response.end("data: {no json\n\n");
        return true;
      case "errorAfter":
        end(this.#call, "fault");
        response.end(
          'data: {"error":{"message":"simulated","type":"server_error","code":"server_is_overloaded"}}\n\n',
        );
        return true;
    }
  }

  #ping(): void {
    const { response, clock } = this.#call;
    response.write(openaiChat.keepaliveText);
    this.#timer = clock.schedule(pingIntervalMs, () => this.#ping());
  }
}

const inference = "penstock.inference.v1";
const streamFaults = [
  "cutAfter",
  "endAfter",
  "stallAfter",
  "pingAfter",
  "malformedAfter",
  "errorAfter",
] as const;

function end(call: ChatCall, how: SimulatedCall["end"]): void {
  call.entry.end = how;
  call.entry.endTime = new Date(call.clock.wallMs()).toISOString();
}

function identityOf(call: ChatCall): AnswerIdentity {
  return {
    requestId: `sim-${call.entry.number}`,
    responseId: `chatcmpl-sim-${call.entry.number}`,
    model: call.scenario.model,
    createdSeconds: Math.floor(call.clock.wallMs() / 1_000),
  };
}

function finishOf(reply: Reply): CandidateFinish {
  const finishReasons = {
    stop: FinishReason.STOP,
    length: FinishReason.LENGTH,
    tool_calls: FinishReason.TOOL_CALLS,
  };
  return {
    $typeName: `${inference}.CandidateFinish`,
    candidate: 0,
    reason: finishReasons[reply.finish],
    rawReason: reply.finish,
  };
}

function endOf(call: ChatCall): AnswerEnd {
  return {
    candidates: [finishOf(call.reply)],
    usage: usageOf(call, call.reply.pieces.length),
    rawUsage: undefined,
    responseId: identityOf(call).responseId,
    model: call.scenario.model,
    warnings: [],
  };
}

function usageOf(call: ChatCall, outputTokens: number): TokenUsage {
  return {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: BigInt(call.inputTokens),
    outputTokens: BigInt(outputTokens),
    source: UsageSource.REPORTED,
  };
}
