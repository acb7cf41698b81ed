// What tools/mock.c does, for machines without a C compiler.
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { announceReady, endWhenAsked, programInput } from "./program-input.ts";

interface MockInput {
  readonly chunks: number;
  readonly gapMs: number;
}

const { chunks, gapMs } = programInput<MockInput>();
const about = { id: "chatcmpl-A1b2C3d4E5f6G7h8I9j0", created: 1_700_000_000, model: "mock" };
const message = { role: "assistant", content: "abcde ".repeat(106), refusal: null };
const whole = JSON.stringify({
  ...about,
  object: "chat.completion",
  choices: [{ index: 0, message, finish_reason: "stop" }],
  usage: { prompt_tokens: 57, completion_tokens: 141, total_tokens: 198 },
});
const event = (choices: readonly unknown[], more: object = {}): string =>
  `data: ${JSON.stringify({ ...about, object: "chat.completion.chunk", choices, ...more })}\n\n`;
const middle = event([{ index: 0, delta: { content: " hello" }, finish_reason: null }]);
const usage = { prompt_tokens: 57, completion_tokens: chunks, total_tokens: 57 + chunks };
const end = `${event([{ index: 0, delta: {}, finish_reason: "stop" }])}${event([], { usage })}data: [DONE]\n\n`;

function stream(response: ServerResponse, left: number): void {
  if (left === 0) {
    response.end(end);
    return;
  }
  response.write(middle);
  if (gapMs === 0) stream(response, left - 1);
  else setTimeout(() => stream(response, left - 1), gapMs);
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (chunk: Buffer) => parts.push(chunk));
  request.on("end", () => {
    if (/"stream": *true/.test(Buffer.concat(parts).toString())) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      stream(response, chunks);
      return;
    }
    const length = Buffer.byteLength(whole);
    response.writeHead(200, { "content-type": "application/json", "content-length": length });
    response.end(whole);
  });
});
server.listen(0, "127.0.0.1", () => {
  announceReady({ http: (server.address() as AddressInfo).port });
});
endWhenAsked(() => Promise.resolve());
