import { sendHttp } from "@penstock/test-support";

/** What came back through OpenAI's door. */
export interface ChatAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Of an answer that is not streamed. */
  readonly json: Record<string, unknown>;
  /** The data of each event of a stream. */
  readonly events: readonly Record<string, unknown>[];
  /** The text of all deltas together. */
  readonly text: string;
  readonly done: boolean;
}

/** Asks in the words of chat completions, with every field as the test has it. */
export async function askChat(
  gateway: { readonly httpUrl: string },
  key: string,
  body: Readonly<Record<string, unknown>>,
): Promise<ChatAnswer> {
  const answer = await sendHttp({
    url: `${gateway.httpUrl}/v1/chat/completions`,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { status, headers } = answer;
  if (headers.get("content-type")?.startsWith("text/event-stream") !== true) {
    const whole = JSON.parse(answer.body) as Record<string, unknown>;
    return { status, headers, json: whole, events: [], text: "", done: false };
  }
  const data = [...answer.body.matchAll(/^data: (.*)$/gm)].map(([, text = ""]) => text);
  const events = data
    .filter((text) => text !== "[DONE]")
    .map((text) => JSON.parse(text) as Record<string, unknown>);
  const text = events.map((event) => deltaOf(event)).join("");
  return { status, headers, json: {}, events, text, done: data.at(-1) === "[DONE]" };
}

function deltaOf(event: Record<string, unknown>): string {
  const [choice] = (event["choices"] ?? []) as { delta?: { content?: string | null } }[];
  return choice?.delta?.content ?? "";
}
