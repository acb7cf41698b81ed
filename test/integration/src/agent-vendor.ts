import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BlockKind, FinishReason, MessageRole } from "@penstock/api";
import type { ContentPart, GenerateRequest } from "@penstock/api";
import { anthropicMessages, openaiChat, openaiResponses } from "@penstock/formats";
import type { AnswerEnd, Format, StreamEvent } from "@penstock/formats";

/** What the vendor was asked. */
export interface AgentCall {
  readonly format: Format["name"];
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** A vendor of three formats for agents. */
export interface AgentVendor {
  /** With `/v1`. */
  readonly url: string;
  readonly calls: AgentCall[];
  close(): void;
}

const doors: readonly (readonly [string, Format])[] = [
  ["/v1/messages", anthropicMessages],
  ["/v1/chat/completions", openaiChat],
  ["/v1/responses", openaiResponses],
];

/** What the vendor counts in any input of the Responses API. */
export const countedTokens = 1_234;

const usage = {
  $typeName: "penstock.type.v1.TokenUsage" as const,
  inputTokens: 1_200n,
  outputTokens: 42n,
};

/**
 * A vendor that streams what a conversation asks for: `[[call NAME JSON]]` of the user calls a tool,
 * and after a result it says `The tool said: …`. A model whose name ends with `+500` or `+too-long`
 * fails.
 */
export async function startAgentVendor(): Promise<AgentVendor> {
  const calls: AgentCall[] = [];
  const server = createServer((request, response) => {
    void readText(request).then((text) => {
      if (request.url === "/v1/responses/input_tokens") {
        calls.push({ format: "openai-responses", headers: request.headers, body: bodyOf(text) });
        response.writeHead(200, { "content-type": "application/json" });
        response.end(
          JSON.stringify({ object: "response.input_tokens", input_tokens: countedTokens }),
        );
        return;
      }
      const format = doors.find(([path]) => request.url?.split("?")[0] === path)?.[1];
      if (format === undefined) {
        response.writeHead(404).end("{}");
        return;
      }
      const body = bodyOf(text);
      calls.push({ format: format.name, headers: request.headers, body });
      answer(response, format, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const bodyOf = (text: string): Record<string, unknown> =>
  JSON.parse(text) as Record<string, unknown>;

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function answer(response: ServerResponse, format: Format, body: Record<string, unknown>): void {
  const model = String(body["model"]);
  if (model.endsWith("+500")) {
    fail(response, 500, { type: "server_error", message: "broken" });
    return;
  }
  if (model.endsWith("+too-long")) {
    const message = "Your input exceeds the context window of this model.";
    const code = "context_length_exceeded";
    fail(response, 400, { type: "invalid_request_error", message, code });
    return;
  }
  const { request } = format.readRequest(Buffer.from(JSON.stringify(body)));
  const identity = { requestId: crypto.randomUUID(), responseId: "", model, createdSeconds: 1 };
  const writer = format.createStreamWriter(identity, { includeUsage: true });
  response.writeHead(200, { "content-type": format.streamContentType });
  const called = callOf(request);
  const events = called === undefined ? textEvents(lastWords(request)) : callEvents(called);
  for (const event of events) response.write(writer.event(event));
  response.end(writer.finish(endOf(model, called !== undefined), usage as AnswerEnd["usage"] & {}));
}

function fail(response: ServerResponse, status: number, error: Record<string, string>): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ type: "error", error }));
}

/** What is said where no tool is called. */
function lastWords(request: GenerateRequest): string {
  const result = resultOf(request);
  return result === undefined ? "Done." : `The tool said: ${result}`;
}

/** What was said since the model spoke last, instructions included. */
function lastParts({ messages }: GenerateRequest): readonly ContentPart[] {
  const last = messages.findLastIndex(({ role }) => role === MessageRole.ASSISTANT);
  return messages.slice(last + 1).flatMap(({ parts }) => parts);
}

function resultOf(request: GenerateRequest): string | undefined {
  for (const { part } of lastParts(request).toReversed()) {
    if (part.case === "toolResult") return part.value.parts.map(textOf).join("");
    const content = part.case === "formatPart" ? part.value.content : undefined;
    if (content !== undefined && "output" in content) return JSON.stringify(content["output"]);
  }
  return undefined;
}

function textOf({ part }: ContentPart): string {
  return part.case === "text" ? part.value.text : "";
}

interface Called {
  readonly name: string;
  readonly argumentsJson: string;
}

function callOf(request: GenerateRequest): Called | undefined {
  if (resultOf(request) !== undefined) return undefined;
  const text = lastParts(request).map(textOf).join("\n");
  const [, name, argumentsJson] = /\[\[call (\S+) (.*?)\]\]/.exec(text) ?? [];
  return name === undefined ? undefined : { name, argumentsJson: argumentsJson ?? "{}" };
}

const started = (kind: BlockKind, call?: Called): StreamEvent => ({
  case: "blockStarted",
  value: {
    $typeName: "penstock.inference.v1.BlockStarted",
    index: 0,
    candidate: 0,
    kind,
    toolCallId: call === undefined ? "" : `call_${crypto.randomUUID()}`,
    toolName: call?.name ?? "",
  },
});

const ended: StreamEvent = {
  case: "blockEnded",
  value: { $typeName: "penstock.inference.v1.BlockEnded", index: 0 },
};

function textEvents(text: string): StreamEvent[] {
  return [started(BlockKind.TEXT), delta({ case: "text", value: text }), ended];
}

function callEvents(call: Called): StreamEvent[] {
  const value = call.argumentsJson;
  return [started(BlockKind.TOOL_CALL, call), delta({ case: "argumentsJson", value }), ended];
}

type Delta = Extract<StreamEvent, { case: "blockDelta" }>["value"]["delta"];

function delta(value: Delta): StreamEvent {
  return {
    case: "blockDelta",
    value: { $typeName: "penstock.inference.v1.BlockDelta", index: 0, delta: value },
  };
}

function endOf(model: string, calls: boolean): AnswerEnd {
  return {
    candidates: [
      {
        $typeName: "penstock.inference.v1.CandidateFinish",
        candidate: 0,
        reason: calls ? FinishReason.TOOL_CALLS : FinishReason.STOP,
        rawReason: calls ? "tool_calls" : "stop",
      },
    ],
    usage: undefined,
    rawUsage: undefined,
    responseId: "",
    model,
    warnings: [],
  };
}
