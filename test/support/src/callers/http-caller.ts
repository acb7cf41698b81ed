import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { tell } from "./heard.ts";
import { readHttpTranscript } from "./read-http-transcript.ts";
import type { Question, Transcript } from "./transcript.ts";

/** An answer as it came. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly trailers: Headers;
  readonly body: string;
  /** True when the connection broke before the answer was complete. */
  readonly broken: boolean;
  readonly elapsedMs: number;
}

/** A request as it is sent. */
export interface HttpQuestion {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/** Sends a request and reads everything, trailers included. Rejects when there is no answer. */
export function sendHttp(question: HttpQuestion): Promise<HttpAnswer> {
  const startMs = performance.now();
  const { url, method = "POST", headers = {}, body, signal } = question;
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers, agent: false, ...(signal && { signal }) });
    call.on("response", (response) => {
      const chunks: Buffer[] = [];
      const settle = (broken: boolean): void => {
        resolve({
          status: response.statusCode ?? 0,
          headers: toHeaders(response.headers),
          trailers: toHeaders(response.trailers as IncomingHttpHeaders),
          body: Buffer.concat(chunks).toString(),
          broken,
          elapsedMs: performance.now() - startMs,
        });
      };
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => settle(false));
      response.on("error", () => settle(true));
    });
    call.on("error", reject);
    call.end(body);
  });
}

/** Asks through the OpenAI-shaped door. Errors are part of the transcript. */
export async function askOverHttp(
  gateway: { readonly httpUrl: string },
  key: string,
  question: Question,
): Promise<Transcript> {
  const { traceparent, signal } = question;
  const answer = await sendHttp({
    url: `${gateway.httpUrl}/v1/chat/completions`,
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      ...(traceparent === undefined ? {} : { traceparent }),
      ...question.headers,
    },
    body: JSON.stringify({
      model: question.model,
      messages: [
        { role: "user", content: question.prompt },
        ...(question.prefill === undefined
          ? []
          : [{ role: "assistant", content: question.prefill }]),
      ],
      max_completion_tokens: question.maxOutputTokens,
      response_format: question.schema && {
        type: "json_schema",
        json_schema: { name: "answer", schema: question.schema },
      },
      ...(question.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    }),
    ...(signal && { signal }),
  });
  return tell(gateway, readHttpTranscript(answer, question.stream));
}

function toHeaders(given: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) headers.set(name, String(value));
  }
  return headers;
}
