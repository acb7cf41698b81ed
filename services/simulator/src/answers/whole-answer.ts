import type { ContentPart } from "@penstock/api";
import type { ReplyBlock } from "../reply.ts";
import {
  answerHeaders,
  endCall,
  endOf,
  finishOf,
  identityOf,
  repliedTokens,
  usageOf,
} from "./call.ts";
import type { Call } from "./call.ts";
import { inBandError } from "./in-band-error.ts";
import { withoutUsage } from "./without-usage.ts";

const inference = "penstock.inference.v1";

/**
 * Sends the replies, or a count of tokens, as one JSON document. Faults that count tokens happen in the
 * middle of it, whatever their number, as a document that is cut has no tokens yet.
 */
export function answerWhole(call: Call): void {
  const { response, request, entry, scenario, endpoint, clock } = call;
  entry.status = 200;
  if (scenario.errorAfter !== undefined) {
    endCall(call, "fault");
    const { body } = endpoint.dialect.error(inBandError(call), identityOf(call).requestId);
    sendHead(call, body);
    response.end(body);
    return;
  }
  const body = bodyOf(call);
  const half = body.slice(0, body.length / 2);
  if (scenario.malformedAfter !== undefined || scenario.noEnd === true) {
    endCall(call, "fault");
    const broken = scenario.noEnd === true ? body.slice(0, -1) : half;
    sendHead(call, broken);
    response.end(broken);
    return;
  }
  sendHead(call, body);
  // A document can't be kept alive by comments, so one that would ping is silent.
  if (scenario.stallAfter !== undefined || scenario.pingAfter !== undefined) {
    response.write(half);
    return;
  }
  if (scenario.cutAfter !== undefined || scenario.endAfter !== undefined) {
    response.write(half, () => {
      endCall(call, "fault");
      request.socket.resetAndDestroy();
    });
    return;
  }
  const tokens = repliedTokens(call);
  entry.sentTokens = tokens;
  if (scenario.noUsage !== true) entry.reportedOutputTokens = tokens;
  if (scenario.contentDelayMs === undefined) response.end(body);
  else {
    response.flushHeaders();
    const timer = clock.schedule(scenario.contentDelayMs, () => response.end(body));
    response.on("close", () => timer.cancel());
  }
}

function sendHead(call: Call, body: string): void {
  call.response.writeHead(200, {
    "content-type": call.endpoint.format.contentType,
    "content-length": String(Buffer.byteLength(body)),
    ...answerHeaders(call),
  });
}

function bodyOf(call: Call): string {
  if (call.counting !== undefined) {
    return JSON.stringify(call.counting.writeResponse(call.inputTokens));
  }
  const candidates = call.replies.map((reply, at) => ({
    parts: reply.blocks.map(partOf),
    finish: finishOf(reply, at),
  }));
  const body = call.endpoint.format.writeResponse(
    { candidates, end: endOf(call) },
    identityOf(call),
    usageOf(call),
  );
  return call.scenario.noUsage === true ? withoutUsage(body) : body;
}

function partOf(block: ReplyBlock): ContentPart {
  return { $typeName: `${inference}.ContentPart`, part: contentOf(block) };
}

function contentOf({ kind, pieces, toolCallId, toolName, signature }: ReplyBlock) {
  const text = pieces.join("");
  switch (kind) {
    case "text":
    case "refusal": {
      const refusal = kind === "refusal";
      return {
        case: "text",
        value: { $typeName: `${inference}.TextPart`, text, refusal },
      } as const;
    }
    case "reasoning": {
      const value = { $typeName: `${inference}.ReasoningPart`, text, signature } as const;
      return { case: "reasoning", value: { ...value, redacted: false } } as const;
    }
    case "tool_call": {
      const call = { id: toolCallId, name: toolName, argumentsJson: text };
      const value = { $typeName: `${inference}.ToolCallPart`, ...call } as const;
      return { case: "toolCall", value } as const;
    }
  }
}
