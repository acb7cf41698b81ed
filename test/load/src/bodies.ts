import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { GenerateRequestSchema, MessageRole } from "@penstock/api";

/** Files with what is sent: a chat of two messages, 0.8 KB. */
export interface Bodies {
  readonly json: string;
  readonly stream: string;
  readonly grpc: string;
}

/** The model that is asked for; a route leads to another name upstream. */
export const model = "gpt-4o-mini";

const filler = "word ".repeat(60).trim();
/** What the chat is told at first. */
export const system = `You are a helpful assistant. ${filler}`;
/** What it is asked. */
export const user = `Tell me about gateways. ${filler}`;
/** Most tokens of the answer. */
export const maxTokens = 256;
/** How much the answer may wander. */
export const temperature = 0.7;

/** Writes the bodies into a folder. */
export function writeBodies(folder: string): Bodies {
  const bodies: Bodies = {
    json: join(folder, "json", "body"),
    stream: join(folder, "stream", "body"),
    grpc: join(folder, "grpc", "body"),
  };
  for (const kind of ["json", "stream", "grpc"]) mkdirSync(join(folder, kind));
  const messages = [
    { role: "system", content: system },
    { role: "user", content: user },
  ];
  const chat = { model, messages, temperature, max_tokens: maxTokens, user: "user-1234" };
  const streamed = { ...chat, stream: true, stream_options: { include_usage: true } };
  writeFileSync(bodies.json, JSON.stringify(chat));
  writeFileSync(bodies.stream, JSON.stringify(streamed));
  writeFileSync(bodies.grpc, grpcBody());
  return bodies;
}

function grpcBody(): Buffer {
  const text = (value: string) => [{ part: { case: "text" as const, value: { text: value } } }];
  const request = create(GenerateRequestSchema, {
    model,
    messages: [
      { role: MessageRole.SYSTEM, parts: text(system) },
      { role: MessageRole.USER, parts: text(user) },
    ],
    sampling: { maxOutputTokens: maxTokens, temperature },
    endUser: "user-1234",
  });
  const bytes = toBinary(GenerateRequestSchema, request);
  const framed = Buffer.alloc(bytes.length + 5);
  framed.writeUInt32BE(bytes.length, 1);
  framed.set(bytes, 5);
  return framed;
}
