import { openaiChat } from "@penstock/formats";
import { endCall, endOf, finishOf, identityOf, usageOf } from "./chat-call.ts";
import type { ChatCall } from "./chat-call.ts";
import { overloadedText } from "./overloaded-text.ts";

const inference = "penstock.inference.v1";

/**
 * Sends the reply as one JSON document. Faults that count tokens happen in the middle of it,
 * whatever their number, as a document that is cut has no tokens yet.
 */
export function answerWhole(call: ChatCall): void {
  const { response, request, entry, scenario, reply } = call;
  entry.status = 200;
  if (scenario.errorAfter !== undefined) {
    endCall(call, "fault");
    sendHead(call, overloadedText);
    response.end(overloadedText);
    return;
  }
  const body = bodyOf(call);
  const half = body.slice(0, body.length / 2);
  if (scenario.malformedAfter !== undefined) {
    endCall(call, "fault");
    sendHead(call, half);
    response.end(half);
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
  entry.sentTokens = reply.pieces.length;
  if (!scenario.noUsage) entry.reportedOutputTokens = reply.pieces.length;
  response.end(body);
}

function sendHead({ response, entry }: ChatCall, body: string): void {
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "x-request-id": `sim-${entry.number}`,
  });
}

function bodyOf(call: ChatCall): string {
  const { pieces, toolName, toolCallId } = call.reply;
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
  const parts = [{ $typeName: `${inference}.ContentPart` as const, part }];
  const finish = finishOf(call.reply);
  const body = openaiChat.writeResponse(
    { candidates: [{ parts, finish }], end: endOf(call) },
    identityOf(call),
    usageOf(call),
  );
  if (!call.scenario.noUsage) return body;
  return JSON.stringify({ ...JSON.parse(body), usage: undefined });
}
