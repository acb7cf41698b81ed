import type { GenerateRequest, Message } from "@penstock/api";
import { openaiChat } from "../openai-chat/openai-chat.ts";

/** Something that a request can say, and where it stands in the canonical request. */
export interface LossProbe {
  readonly name: string;
  readonly request: () => GenerateRequest;
  /** What must be the same on the other side. */
  readonly said: (request: GenerateRequest) => unknown;
  /** Whether the same is said in another way, which the vendors' documentation calls its equal. */
  readonly near?: (request: GenerateRequest) => boolean;
}

const encoder = new TextEncoder();
const user = { role: "user", content: "Hello" };
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const tools = ["weather", "time"].map((name) => ({
  type: "function",
  function: { name, description: "Tells it.", parameters: schema },
}));
const called = [
  user,
  {
    role: "assistant",
    tool_calls: [
      {
        id: "call_1",
        type: "function",
        function: { name: "weather", arguments: '{"city":"Bern"}' },
      },
    ],
  },
  { role: "tool", tool_call_id: "call_1", content: "sunny" },
];

function chat(fields: Record<string, unknown>): GenerateRequest {
  const body = { model: "asked-model", messages: [user], max_completion_tokens: 2_000, ...fields };
  return openaiChat.readRequest(encoder.encode(JSON.stringify(body))).request;
}

function changed(
  fields: Record<string, unknown>,
  change: (request: GenerateRequest) => void,
): GenerateRequest {
  const request = chat(fields);
  change(request);
  return request;
}

const withParts = (...parts: unknown[]) =>
  chat({ messages: [{ role: "user", content: [{ type: "text", text: "See" }, ...parts] }] });
const media = ({ messages }: GenerateRequest): unknown =>
  messages.flatMap(({ parts }) =>
    parts.flatMap(({ part }) => (part.case === "media" ? [part.value.source] : [])),
  );
const texts = (messages: readonly Message[]): unknown =>
  messages.map(({ role, parts }) => [
    role,
    parts.map(({ part }) => (part.case === "text" ? part.value.text : part.case)),
  ]);
const toolResults = ({ messages }: GenerateRequest) =>
  messages.flatMap(({ parts }) =>
    parts.flatMap(({ part }) => (part.case === "toolResult" ? [part.value] : [])),
  );
const reasonings = ({ messages }: GenerateRequest) =>
  messages.flatMap(({ parts }) =>
    parts.flatMap(({ part }) => (part.case === "reasoning" ? [part.value] : [])),
  );
const choice = (toolChoice: unknown) => () => chat({ tools, tool_choice: toolChoice });
const saidChoice = ({ toolChoice }: GenerateRequest): unknown => [
  toolChoice?.mode,
  toolChoice?.toolName,
];

/** What is asked of every pair of formats. */
export const lossProbes: readonly LossProbe[] = [
  {
    name: "system text",
    request: () => chat({ messages: [{ role: "system", content: "Be brief." }, user] }),
    said: ({ messages }) => texts(messages),
  },
  {
    name: "turns of both sides",
    request: () => chat({ messages: [user, { role: "assistant", content: "Hi." }, user] }),
    said: ({ messages }) => texts(messages),
  },
  {
    name: "prefill",
    request: () => chat({ messages: [user, { role: "assistant", content: "Well," }] }),
    said: ({ messages }) => texts(messages),
  },
  {
    name: "image, as bytes",
    request: () =>
      withParts({ type: "image_url", image_url: { url: `data:image/png;base64,${pixel}` } }),
    said: media,
  },
  {
    name: "image, by address",
    request: () => withParts({ type: "image_url", image_url: { url: "https://x.example/a.png" } }),
    said: media,
  },
  {
    name: "audio",
    request: () => withParts({ type: "input_audio", input_audio: { data: pixel, format: "wav" } }),
    said: media,
  },
  {
    name: "file, as bytes",
    request: () =>
      withParts({
        type: "file",
        file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${pixel}` },
      }),
    said: media,
  },
  {
    name: "tools",
    request: () => chat({ tools }),
    said: (request) =>
      request.tools.map(({ name, description, inputSchema }) => [name, description, inputSchema]),
  },
  {
    name: "tool call and result",
    request: () => chat({ messages: called, tools }),
    said: (request) => [
      request.messages.flatMap(({ parts }) =>
        parts.flatMap(({ part }) =>
          part.case === "toolCall" ? [part.value.name, JSON.parse(part.value.argumentsJson)] : [],
        ),
      ),
      toolResults(request).map(({ parts }) => parts.map(({ part }) => part.value)),
    ],
  },
  {
    name: "failed tool result",
    request: () =>
      changed({ messages: called, tools }, (request) => {
        for (const result of toolResults(request)) result.isError = true;
      }),
    said: (request) => toolResults(request).map(({ isError }) => isError),
  },
  { name: "tool choice: none", request: choice("none"), said: saidChoice },
  { name: "tool choice: required", request: choice("required"), said: saidChoice },
  {
    name: "tool choice: named",
    request: choice({ type: "function", function: { name: "time" } }),
    said: saidChoice,
  },
  {
    name: "one tool at a time",
    request: () => chat({ tools, tool_choice: "auto", parallel_tool_calls: false }),
    said: ({ toolChoice }) => toolChoice?.parallel,
  },
  {
    name: "JSON schema",
    request: () =>
      chat({
        response_format: {
          type: "json_schema",
          json_schema: { name: "place", strict: true, schema },
        },
      }),
    said: ({ responseFormat }) =>
      responseFormat?.format.case === "jsonSchema" ? responseFormat.format.value.schema : undefined,
  },
  {
    name: "any JSON",
    request: () => chat({ response_format: { type: "json_object" } }),
    said: ({ responseFormat }) => responseFormat?.format.case,
  },
  { name: "largest output", request: () => chat({}), said: (one) => one.sampling?.maxOutputTokens },
  {
    name: "temperature",
    request: () => chat({ temperature: 0.5 }),
    said: (one) => one.sampling?.temperature,
  },
  { name: "top p", request: () => chat({ top_p: 0.5 }), said: (one) => one.sampling?.topP },
  {
    name: "top k",
    request: () =>
      changed({ temperature: 0.5 }, ({ sampling }) => {
        if (sampling !== undefined) sampling.topK = 5;
      }),
    said: (one) => one.sampling?.topK,
  },
  {
    name: "frequency penalty",
    request: () => chat({ frequency_penalty: 0.5 }),
    said: (one) => one.sampling?.frequencyPenalty,
  },
  {
    name: "presence penalty",
    request: () => chat({ presence_penalty: 0.5 }),
    said: (one) => one.sampling?.presencePenalty,
  },
  { name: "seed", request: () => chat({ seed: 7 }), said: (one) => one.sampling?.seed },
  {
    name: "stop sequences",
    request: () => chat({ stop: ["END", "FIN"] }),
    said: (one) => one.sampling?.stopSequences,
  },
  { name: "several answers", request: () => chat({ n: 2 }), said: (one) => one.candidateCount },
  {
    name: "reasoning effort",
    request: () => chat({ reasoning_effort: "high" }),
    said: (one) => one.reasoning?.effort,
    near: (one) => one.reasoning?.maxTokens !== undefined,
  },
  {
    name: "reasoning budget",
    request: () =>
      changed({}, (request) => {
        request.reasoning = { $typeName: "penstock.inference.v1.Reasoning", maxTokens: 1_024 };
      }),
    said: (one) => one.reasoning?.maxTokens,
    near: (one) => one.reasoning?.effort !== undefined,
  },
  {
    name: "earlier reasoning",
    request: () =>
      changed({ messages: [user, { role: "assistant", content: "Hi." }, user] }, (request) => {
        request.messages[1]?.parts.unshift({
          $typeName: "penstock.inference.v1.ContentPart",
          part: {
            case: "reasoning",
            value: {
              $typeName: "penstock.inference.v1.ReasoningPart",
              text: "hm",
              signature: "c2ln",
              redacted: false,
            },
          },
        });
      }),
    said: (request) => reasonings(request).map(({ text, signature }) => [text, signature]),
  },
  {
    name: "probabilities of tokens",
    request: () => chat({ logprobs: true, top_logprobs: 3 }),
    said: (one) => one.sampling?.topLogprobs,
  },
  {
    name: "service tier",
    request: () => chat({ service_tier: "flex" }),
    said: (one) => one.serviceTier,
  },
  {
    name: "tool that OpenAI runs",
    request: () =>
      changed({ tools }, (request) => {
        const content = { type: "web_search" };
        const format = "openai-responses";
        request.tools.push({
          $typeName: "penstock.inference.v1.Tool",
          name: "web_search",
          formatPart: { $typeName: "penstock.inference.v1.FormatPart", format, content },
        });
      }),
    said: (request) => request.tools.map(({ formatPart }) => formatPart?.content),
  },
  {
    name: "name of the end user",
    request: () => chat({ user: "someone" }),
    said: (one) => one.endUser,
  },
  {
    name: "cache marker",
    request: () =>
      changed({ messages: [user, { role: "assistant", content: "Hi." }, user] }, (request) => {
        const [part] = request.messages[0]?.parts ?? [];
        if (part !== undefined) {
          part.cacheMarker = { $typeName: "penstock.inference.v1.CacheMarker" };
        }
      }),
    said: ({ messages }) =>
      messages.flatMap(({ parts }) => parts.map(({ cacheMarker }) => cacheMarker !== undefined)),
  },
  {
    name: "image in a tool result",
    request: () =>
      changed({ messages: called, tools }, (request) => {
        const [result] = toolResults(request);
        const image = withParts({
          type: "image_url",
          image_url: { url: `data:image/png;base64,${pixel}` },
        });
        result?.parts.push(...(image.messages[0]?.parts.slice(1) ?? []));
      }),
    said: (request) => toolResults(request).map(({ parts }) => parts.map(({ part }) => part.case)),
  },
  {
    name: "name of a speaker",
    request: () => chat({ messages: [{ ...user, name: "Ann" }] }),
    said: ({ messages }) => messages.map(({ name }) => name),
  },
  {
    name: "strictness of a tool",
    request: () =>
      changed({ tools }, (request) => {
        for (const tool of request.tools) tool.strict = true;
      }),
    said: (request) => request.tools.map(({ strict }) => strict),
  },
];
