import { FinishReason, VectorEncoding } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { openaiChat, openaiEmbeddings } from "@penstock/formats";
import type { CallerRequest } from "@penstock/formats";
import type { CallOptions } from "../call.ts";
import type { PenstockClient } from "../penstock-client.ts";
import { toApiError } from "./api-error.ts";
import type { ChatCompletionStream } from "./chat-stream.ts";
import { answerEnd, answerIdentity, noUsage, openChatStream, withoutEnd } from "./chat-stream.ts";
import type { ChatCompletion, CreateEmbeddingResponse, ModelEntry } from "./openai-answers.ts";
import type { ChatCompletionParams, EmbeddingParams, RequestOptions } from "./openai-params.ts";

/** The models of a key: a page as the official client has it, and a loop over all of them. */
export interface ModelList extends AsyncIterable<ModelEntry> {
  readonly object: "list";
  readonly data: ModelEntry[];
}

function callOptions({ signal, timeout, headers }: RequestOptions): CallOptions {
  const lower = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    signal: signal ?? undefined,
    timeoutMs: timeout,
    headers: Object.fromEntries(lower) as Record<string, string>,
  };
}

function bodyOf(params: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(params));
}

/** What the gateway tells over HTTP alone is refused rather than left out. */
function refuseReport(report: boolean | undefined): void {
  if (report !== true) return;
  const description = "is answered over HTTP; over gRPC the typed client tells all of it";
  throw new GatewayError("UNSUPPORTED_FIELD", `penstock.report ${description}.`, {
    fieldViolations: [{ field: "penstock.report", description }],
  });
}

/** Asks for an answer, whole or streamed. Rejects with an APIError. */
export async function complete(
  client: PenstockClient,
  params: ChatCompletionParams,
  options: RequestOptions,
): Promise<ChatCompletion | ChatCompletionStream> {
  try {
    const asked = openaiChat.readRequest(bodyOf(params));
    refuseReport(asked.report);
    if (asked.stream) return await stream(client, asked, options);
    const answer = await client.generate(asked.request, callOptions(options));
    const { started, candidates, finished } = answer.response;
    if (finished === undefined) throw withoutEnd(started?.requestId);
    const servedAs = answer.trailers.get("x-penstock-served-as") ?? asked.request.model;
    const identity = answerIdentity(started, servedAs);
    const whole = {
      candidates: candidates.map(({ parts, finish }, candidate) => ({
        parts,
        finish: finish ?? unknownFinish(candidate),
      })),
      end: answerEnd(started, finished),
    };
    const usage = finished.usage ?? noUsage;
    const value = JSON.parse(openaiChat.writeResponse(whole, identity, usage)) as ChatCompletion;
    return withRequestId(value, identity.requestId);
  } catch (error) {
    throw toApiError(error, options.signal?.aborted === true);
  }
}

function unknownFinish(candidate: number) {
  const name = "penstock.inference.v1.CandidateFinish" as const;
  return { $typeName: name, candidate, reason: FinishReason.UNSPECIFIED, rawReason: "" };
}

function stream(
  client: PenstockClient,
  asked: CallerRequest,
  options: RequestOptions,
): Promise<ChatCompletionStream> {
  const controller = new AbortController();
  const { signal } = options;
  const abort = () => controller.abort();
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const source = client.streamGenerate(asked.request, {
    ...callOptions(options),
    signal: controller.signal,
  });
  void source.trailers.then(() => signal?.removeEventListener("abort", abort));
  return openChatStream(source, asked, controller);
}

/** Asks for vectors. Rejects with an APIError. */
export async function embed(
  client: PenstockClient,
  params: EmbeddingParams,
  options: RequestOptions,
): Promise<CreateEmbeddingResponse> {
  try {
    const { request, report } = openaiEmbeddings.readRequest(bodyOf(params));
    refuseReport(report);
    // Bytes are the shortest on the wire, however the caller wants its numbers.
    const sent = { ...request, encoding: VectorEncoding.BYTES };
    const { response, trailers } = await client.embed(sent, callOptions(options));
    const { started, embeddings, finished } = response;
    if (finished === undefined) throw withoutEnd(started?.requestId);
    const text = openaiEmbeddings.writeResponse(
      { embeddings, end: answerEnd(started, finished) },
      { model: trailers.get("x-penstock-served-as") ?? request.model },
      request.encoding,
      finished.usage ?? noUsage,
    );
    return withRequestId(JSON.parse(text) as CreateEmbeddingResponse, started?.requestId ?? "");
  } catch (error) {
    throw toApiError(error, options.signal?.aborted === true);
  }
}

/** Lists the models of the key, all pages of them. Rejects with an APIError. */
export async function listModels(
  client: PenstockClient,
  options: RequestOptions,
): Promise<ModelList> {
  try {
    const data: ModelEntry[] = [];
    let pageToken = "";
    do {
      const { response } = await client.listModels({ pageToken }, callOptions(options));
      for (const { name } of response.models) {
        data.push({ id: name, object: "model", created: 0, owned_by: "penstock" });
      }
      pageToken = response.nextPageToken;
    } while (pageToken !== "");
    return {
      object: "list",
      data,
      async *[Symbol.asyncIterator]() {
        yield* data;
      },
    };
  } catch (error) {
    throw toApiError(error, options.signal?.aborted === true);
  }
}

function withRequestId<Value extends object>(value: Value, requestId: string): Value {
  return Object.defineProperty(value, "_request_id", { value: requestId, enumerable: false });
}
