import type { HttpAnswer } from "./http-caller.ts";
import type { Transcript, TranscriptError } from "./transcript.ts";

/** What of an OpenAI answer, chunk or error is read. */
interface Part {
  readonly choices?: readonly {
    readonly message?: { readonly content?: string | null };
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: {
    readonly message: string;
    readonly code: string | null;
    readonly source?: string;
    readonly retry_after_ms?: number;
    readonly request_id?: string;
    readonly metadata?: Readonly<Record<string, string>>;
    readonly fields?: readonly { readonly field: string }[];
  };
}

/** Reads an answer of the OpenAI-shaped door. Throws for a body that is not of that shape. */
export function readHttpTranscript(answer: HttpAnswer, stream: boolean): Transcript {
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const events = isStream ? dataOf(answer.body) : [answer.body];
  const doneAt = events.indexOf("[DONE]");
  const parts = events.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text) as Part);
  const errorAt = parts.findIndex(({ error }) => error !== undefined);
  const error = parts[errorAt]?.error;
  const lastAt = errorAt === -1 ? doneAt : errorAt;
  const complete = isStream ? doneAt !== -1 : error === undefined && !answer.broken;
  const { headers, trailers } = answer;
  const usage = parts.findLast((part) => part.usage)?.usage ?? undefined;
  const attempts = headers.get("x-penstock-attempts") ?? error?.metadata?.["attempts"];
  const provider = headers.get("x-penstock-provider");
  return {
    door: "http",
    stream,
    status: answer.status,
    headers,
    trailers,
    requestId: headers.get("x-request-id") ?? "",
    traceId: headers.get("x-penstock-trace-id") ?? "",
    text: parts.map(textOf).join(""),
    providers: provider === null ? [] : [provider],
    attempts: attempts === undefined ? undefined : Number(attempts),
    usage: usage && { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens },
    finishReason: parts.map(finishOf).findLast((reason) => reason !== undefined),
    end: error === undefined ? (complete ? "complete" : "cut") : "error",
    error: error && errorOf(error),
    wentOn: isStream && lastAt !== -1 && lastAt < events.length - 1,
    elapsedMs: answer.elapsedMs,
  };
}

/** The data of every event. */
function dataOf(body: string): string[] {
  return body
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => event.slice("data: ".length));
}

function textOf({ choices = [] }: Part): string {
  return choices[0]?.delta?.content ?? choices[0]?.message?.content ?? "";
}

function finishOf({ choices = [] }: Part): string | undefined {
  return choices[0]?.finish_reason ?? undefined;
}

function errorOf(error: NonNullable<Part["error"]>): TranscriptError {
  return {
    reason: error.code ?? "",
    message: error.message,
    source: error.source ?? "",
    retryAfterMs: error.retry_after_ms,
    fields: (error.fields ?? []).map(({ field }) => field),
    metadata: error.metadata ?? {},
  };
}
