/** One real call and what is expected of it. */
export interface LiveCall {
  readonly feature: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Says what is wrong with the answer; undefined when nothing is. */
  check(status: number, text: string): string | undefined;
}

/** Cheap, and able to do everything that is checked. */
export const liveModel = "gpt-4o-mini";
// At a few cents per million tokens, all calls together cost far less than five cents.
const limits = { model: liveModel, max_tokens: 16, temperature: 0 };
const ask = [{ role: "user", content: "Answer with the single word: ready" }];

const weatherTool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
};

/** A handful of tiny calls, one for each feature. */
export const liveCalls: readonly LiveCall[] = [
  { feature: "chat", body: { ...limits, messages: ask }, check: checkChat },
  { feature: "stream", body: { ...limits, messages: ask, stream: true }, check: checkStream },
  {
    feature: "tool call",
    body: {
      ...limits,
      messages: [{ role: "user", content: "What is the weather in Bonn?" }],
      tools: [weatherTool],
      tool_choice: { type: "function", function: { name: "get_weather" } },
    },
    check: checkToolCall,
  },
  {
    feature: "error for an unknown model",
    body: { ...limits, model: "no-such-model-of-ours", messages: ask },
    check: (status, text) =>
      status === 404 && text.includes('"code"') ? undefined : `HTTP ${status}: ${text}`,
  },
];

interface ChatAnswer {
  readonly choices?: readonly [
    {
      readonly message: {
        readonly content?: string | null;
        readonly tool_calls?: readonly [{ readonly function: { readonly arguments: string } }];
      };
    },
  ];
  readonly usage?: { readonly total_tokens: number };
}

function checkChat(status: number, text: string): string | undefined {
  if (status !== 200) return `HTTP ${status}: ${text}`;
  const answer = JSON.parse(text) as ChatAnswer;
  if ((answer.choices?.[0].message.content ?? "") === "") return "no content";
  return (answer.usage?.total_tokens ?? 0) > 0 ? undefined : "no usage";
}

function checkStream(status: number, text: string): string | undefined {
  if (status !== 200) return `HTTP ${status}: ${text}`;
  if (!text.trimEnd().endsWith("data: [DONE]")) return "the stream has no end";
  return /"content":"[^"]/.test(text) ? undefined : "no content";
}

function checkToolCall(status: number, text: string): string | undefined {
  if (status !== 200) return `HTTP ${status}: ${text}`;
  const call = (JSON.parse(text) as ChatAnswer).choices?.[0].message.tool_calls?.[0];
  if (call === undefined) return "no tool call";
  const { city } = JSON.parse(call.function.arguments) as { readonly city?: unknown };
  return typeof city === "string" ? undefined : `arguments ${call.function.arguments}`;
}
