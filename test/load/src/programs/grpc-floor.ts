// The floor for gRPC: bare node:http2 in front, undici's dispatch behind, and between them only
// what a gRPC door can't avoid: one message read, one JSON body written, the answer translated.
import { createServer } from "node:http2";
import type { ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { GenerateRequestSchema, GenerateResponseSchema } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import { Pool } from "undici";
import type { Dispatcher } from "undici";
import type { FloorInput } from "./http-floor.ts";
import { announceReady, endWhenAsked, programInput } from "./program-input.ts";

interface ChatAnswer {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly [{ readonly message: { readonly content: string } }];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

const { origin } = programInput<FloorInput>();
const path = "/v1/chat/completions";
const headers = {
  "content-type": "application/json",
  authorization: "Bearer sk-upstream-0123456789",
};
const pool = new Pool(origin, { connections: 1_024, pipelining: 1 });
const framePrefixBytes = 5;

class Exchange implements Dispatcher.DispatchHandler {
  readonly #stream: ServerHttp2Stream;
  readonly #chunks: Buffer[] = [];

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  onRequestStart(): void {
    // Nothing to prepare.
  }

  onResponseStart(): void {
    // The mock answers 200.
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const answer = JSON.parse(Buffer.concat(this.#chunks).toString()) as ChatAnswer;
    this.#stream.end(frame(toBinary(GenerateResponseSchema, toMessage(answer))));
  }

  onResponseError(): void {
    this.#stream.close();
  }
}

function toMessage(answer: ChatAnswer) {
  const text = answer.choices[0].message.content;
  const usage = {
    inputTokens: BigInt(answer.usage.prompt_tokens),
    outputTokens: BigInt(answer.usage.completion_tokens),
  };
  return create(GenerateResponseSchema, {
    started: { responseId: answer.id },
    candidates: [{ parts: [{ part: { case: "text", value: { text } } }] }],
    finished: { usage },
  });
}

function toBody(request: GenerateRequest): string {
  const messages = request.messages.map((message) => {
    const [only] = message.parts;
    const content = only?.part.case === "text" ? only.part.value.text : "";
    return { role: message.role === 1 ? "system" : "user", content };
  });
  const { maxOutputTokens, temperature } = request.sampling ?? {};
  const { model } = request;
  return JSON.stringify({ model, messages, max_tokens: maxOutputTokens, temperature });
}

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(message.length + framePrefixBytes);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, framePrefixBytes);
  return framed;
}

const server = createServer({ maxSessionMemory: 256 });
server.on("stream", (stream: ServerHttp2Stream) => {
  let body: Buffer | undefined;
  stream.on("error", () => stream.close());
  stream.on("data", (chunk: Buffer) => {
    body = body === undefined ? chunk : Buffer.concat([body, chunk]);
  });
  stream.on("end", () => {
    const bytes = body?.subarray(framePrefixBytes) ?? new Uint8Array();
    const request = fromBinary(GenerateRequestSchema, bytes);
    const head = { ":status": 200, "content-type": "application/grpc" };
    stream.respond(head, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    pool.dispatch({ path, method: "POST", headers, body: toBody(request) }, new Exchange(stream));
  });
});
server.listen(0, "127.0.0.1", 4_096, () => {
  announceReady({ grpc: (server.address() as AddressInfo).port });
});
endWhenAsked(() => Promise.resolve());
