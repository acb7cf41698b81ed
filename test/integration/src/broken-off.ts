import { PenstockError } from "@penstock/client";
import type { GenerateRequestInit, PenstockClient } from "@penstock/client";

/** What a caller had received of an answer when it went away. */
export interface BrokenOff {
  readonly requestId: string;
  /** Pieces of text, each one token of the simulated vendors. */
  readonly pieces: number;
}

/** Streams over HTTP and goes away once so many pieces have come. */
export async function breakOffHttp(
  gateway: { readonly httpUrl: string },
  key: string,
  asked: { readonly model: string; readonly prompt: string; readonly pieces: number },
): Promise<BrokenOff> {
  const { model, prompt } = asked;
  const response = await fetch(`${gateway.httpUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: prompt }] }),
  });
  const requestId = response.headers.get("x-request-id") ?? "";
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes).toString();
    const pieces = text.match(/"content":"[^"]/g)?.length ?? 0;
    // Leaving the loop cancels the body, which closes the connection.
    if (pieces >= asked.pieces) return { requestId, pieces };
  }
  throw new Error(`the answer ended before ${asked.pieces} pieces had come: ${text}`);
}

/** Streams over gRPC and goes away once so many pieces have come. */
export async function breakOffGrpc(
  client: PenstockClient,
  request: GenerateRequestInit,
  wanted: number,
): Promise<BrokenOff> {
  const cancelled = new AbortController();
  const stream = client.streamGenerate(request, { signal: cancelled.signal });
  let pieces = 0;
  try {
    for await (const event of stream) {
      if (event.case === "blockDelta") pieces += 1;
      if (pieces === wanted) cancelled.abort();
    }
  } catch (error) {
    if (!(error instanceof PenstockError) || error.reason !== "CANCELLED") throw error;
  }
  const requestId = (await stream.headers).get("x-request-id") ?? "";
  return { requestId, pieces };
}
