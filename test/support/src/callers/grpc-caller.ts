import { FinishReason } from "@penstock/api";
import { MessageRole, PenstockError } from "@penstock/client";
import type {
  Finished,
  GenerateRequestInit,
  GenerateStream,
  PenstockClient,
} from "@penstock/client";
import { reasons } from "@penstock/errors";
import type { JsonObject } from "@penstock/formats";
import { tell } from "./heard.ts";
import type { Question, Transcript } from "./transcript.ts";

/** Asks through the gRPC door. Errors are part of the transcript. */
export async function askOverGrpc(client: PenstockClient, question: Question): Promise<Transcript> {
  const notes = new Notes();
  const { traceparent, headers, signal } = question;
  const options = { traceparent, headers, signal };
  const request = requestOf(question);
  try {
    if (question.stream) await readStream(client.streamGenerate(request, options), notes);
    else await readAnswer(client.generate(request, options), notes);
  } catch (error) {
    if (!(error instanceof PenstockError)) throw error;
    notes.error = error;
  }
  return tell(client, notes.transcript(question.stream));
}

function requestOf(question: Question): GenerateRequestInit {
  const { model, prompt, prefill, schema, maxOutputTokens } = question;
  return {
    model,
    messages: [
      textMessage(MessageRole.USER, prompt),
      ...(prefill === undefined ? [] : [textMessage(MessageRole.ASSISTANT, prefill)]),
    ],
    ...(maxOutputTokens === undefined ? {} : { sampling: { maxOutputTokens } }),
    ...(schema === undefined ? {} : { responseFormat: schemaFormat(schema as JsonObject) }),
  };
}

function textMessage(role: MessageRole, text: string) {
  return { role, parts: [{ part: { case: "text" as const, value: { text } } }] };
}

function schemaFormat(schema: JsonObject) {
  return { format: { case: "jsonSchema" as const, value: { name: "answer", schema } } };
}

class Notes {
  readonly #startMs = performance.now();
  headers = new Headers();
  trailers = new Headers();
  text = "";
  readonly providers: string[] = [];
  attempts: number | undefined;
  finished: Finished | undefined;
  error: PenstockError | undefined;
  wentOn = false;

  transcript(stream: boolean): Transcript {
    const { error, finished, headers, trailers } = this;
    const usage = finished?.usage;
    const read = (name: string): string => headers.get(name) ?? trailers.get(name) ?? "";
    const reason = finished?.candidates[0]?.reason;
    return {
      door: "grpc",
      stream,
      status: error === undefined ? 200 : reasons[error.reason].httpStatus,
      headers,
      trailers,
      requestId: error?.requestId ?? read("x-request-id"),
      traceId: error?.traceId ?? read("x-penstock-trace-id"),
      text: this.text,
      providers: this.providers,
      attempts: error?.attempts ?? this.attempts,
      usage: usage && {
        inputTokens: Number(usage.inputTokens),
        outputTokens: Number(usage.outputTokens),
      },
      finishReason: reason === undefined ? undefined : finishNames.get(reason),
      end: error !== undefined ? "error" : finished === undefined ? "cut" : "complete",
      error: error && {
        reason: error.reason,
        message: error.message,
        source: error.source,
        retryAfterMs: error.retryDelayMs,
        fields: error.fieldViolations.map(({ field }) => field),
        metadata: error.metadata,
      },
      wentOn: this.wentOn,
      elapsedMs: performance.now() - this.#startMs,
    };
  }
}

const finishNames = new Map<number, string>(
  Object.entries(FinishReason).map(([name, value]) => [value, name.toLowerCase()]),
);

async function readAnswer(
  answering: ReturnType<PenstockClient["generate"]>,
  notes: Notes,
): Promise<void> {
  const { response, headers, trailers } = await answering;
  notes.headers = headers;
  notes.trailers = trailers;
  notes.attempts = response.started?.attempt;
  notes.providers.push(response.started?.provider ?? "");
  notes.finished = response.finished;
  for (const { part } of response.candidates[0]?.parts ?? []) {
    if (part.case === "text") notes.text += part.value.text;
  }
}

async function readStream(stream: GenerateStream, notes: Notes): Promise<void> {
  try {
    for await (const event of stream) {
      if (notes.finished !== undefined) notes.wentOn = true;
      if (event.case === "started") {
        notes.providers.push(event.value.provider);
        notes.attempts = event.value.attempt;
      } else if (event.case === "blockDelta" && event.value.delta.case === "text") {
        notes.text += event.value.delta.value;
      } else if (event.case === "finished") notes.finished = event.value;
    }
  } finally {
    notes.headers = await stream.headers.catch(() => new Headers());
    notes.trailers = await stream.trailers;
  }
}
