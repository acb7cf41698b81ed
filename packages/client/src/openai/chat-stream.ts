import type { Finished, Started } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { AnswerEnd, AnswerIdentity, CallerRequest, StreamWriter } from "@penstock/formats";
import { openaiChat } from "@penstock/formats";
import type { GenerateEvent, GenerateStream } from "../generate-stream.ts";
import { PenstockError } from "../penstock-error.ts";
import { toApiError } from "./api-error.ts";
import type { ChatCompletionChunk } from "./openai-answers.ts";

/**
 * An answer while it is written, to be iterated once. Leaving the loop cancels the call, up to the
 * provider; a failure is thrown by the loop as APIError.
 */
export interface ChatCompletionStream extends AsyncIterable<ChatCompletionChunk> {
  /** Aborting it ends the call, and the loop without an error. */
  readonly controller: AbortController;
}

/** Of an answer that ended well by its status, but without what says so; no gateway sends one. */
export function withoutEnd(requestId = ""): PenstockError {
  return unavailable("The answer has no end.", requestId);
}

function unavailable(message: string, requestId = ""): PenstockError {
  const error = new GatewayError("UNAVAILABLE", message, { source: "gateway" });
  return new PenstockError(error, { requestId });
}

/** What is known of an answer's end, from what the gateway says of both of its ends. */
export function answerEnd(started: Started | undefined, finished: Finished): AnswerEnd {
  const end: AnswerEnd = {
    candidates: finished.candidates,
    usage: finished.usage,
    rawUsage: finished.rawUsage,
    responseId: started?.responseId ?? "",
    model: started?.model ?? "",
    warnings: finished.warnings,
  };
  if (finished.serviceTier !== undefined) end.serviceTier = finished.serviceTier;
  return end;
}

/** Who answers, in the caller's words. */
export function answerIdentity(started: Started | undefined, model: string): AnswerIdentity {
  return {
    requestId: started?.requestId ?? "",
    responseId: started?.responseId ?? "",
    model,
    createdSeconds: Math.floor(Date.now() / 1_000),
  };
}

/**
 * Waits for the answer to begin, so that what goes wrong before is the failure of the call and not
 * of the loop. Rejects with an APIError.
 */
export async function openChatStream(
  source: GenerateStream,
  asked: CallerRequest,
  controller: AbortController,
): Promise<ChatCompletionStream> {
  const { signal } = controller;
  const events = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await events.next();
      if (done === true) throw unavailable("The stream ended before the answer began.");
      if (value.case !== "started") continue;
      const identity = answerIdentity(value.value, asked.request.model);
      const writer = openaiChat.createStreamWriter(identity, asked);
      const read = chunks({ events, writer, began: value.value, signal });
      const loop: AsyncIterableIterator<ChatCompletionChunk> = {
        [Symbol.asyncIterator]: () => loop,
        next: () => read.next(),
        // A generator that was left before its first chunk would not come to its end.
        return: async () => {
          await events.return?.();
          return await read.return(undefined);
        },
      };
      return { controller, [Symbol.asyncIterator]: () => loop };
    }
  } catch (error) {
    throw toApiError(error, signal.aborted);
  }
}

interface Reading {
  readonly events: AsyncIterator<GenerateEvent>;
  readonly writer: StreamWriter;
  readonly began: Started;
  readonly signal: AbortSignal;
}

async function* chunks(reading: Reading): AsyncGenerator<ChatCompletionChunk> {
  const { events, began, signal } = reading;
  let isWhole = false;
  try {
    for (;;) {
      const { done, value } = await events.next();
      if (done === true && !isWhole) throw withoutEnd(began.requestId);
      if (done === true) return;
      isWhole ||= value.case === "finished";
      yield* chunksOf(written(reading, value));
    }
  } catch (error) {
    // As with the official client, a loop that its caller ended just ends.
    if (!signal.aborted) throw toApiError(error);
  } finally {
    await events.return?.();
  }
}

function written({ writer, began }: Reading, event: GenerateEvent): string {
  if (event.case === "finished") {
    const end = answerEnd(began, event.value);
    return writer.finish(end, event.value.usage ?? noUsage);
  }
  return event.case === undefined ? "" : writer.event(event);
}

/** Of an answer whose usage the gateway did not tell, which no version of it does. */
export const noUsage = { $typeName: "penstock.type.v1.TokenUsage", source: 0 } as const;

/** The format writes server-sent events, each one line of data. */
function* chunksOf(text: string): Generator<ChatCompletionChunk> {
  for (const event of text.split("\n\n")) {
    const data = event.slice("data: ".length);
    if (data !== "" && data !== "[DONE]") yield JSON.parse(data) as ChatCompletionChunk;
  }
}
