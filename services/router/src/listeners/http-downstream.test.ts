import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { openaiChat } from "@penstock/formats";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { HttpDownstream } from "./http-downstream.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A connection and everything that came over it. */
function open(port: number): { readonly socket: Socket; text: string; closed: boolean } {
  const socket = connect(port, "127.0.0.1");
  const seen = { socket, text: "", closed: false };
  socket.on("data", (chunk) => (seen.text += chunk.toString()));
  socket.on("error", () => undefined);
  socket.on("close", () => (seen.closed = true));
  closing.push(() => socket.destroy());
  return seen;
}

describe("an answer that nobody reads", () => {
  it("is given up by the same rule as a stream", async () => {
    const { parts, send } = createPipeline();
    const { context } = send().handler;
    const timeouts: (number | undefined)[] = [];
    const server = createServer((_request, response) => {
      const downstream = new HttpDownstream(response, openaiChat, parts.clock);
      downstream.context = context;
      const finish = { $typeName: "penstock.inference.v1.CandidateFinish" as const };
      const text = "x".repeat(Number(_request.url?.slice(1)));
      downstream.answer(
        {
          candidates: [
            {
              parts: [
                {
                  $typeName: "penstock.inference.v1.ContentPart",
                  part: {
                    case: "text",
                    value: { $typeName: "penstock.inference.v1.TextPart", text, refusal: false },
                  },
                },
              ],
              finish: { ...finish, candidate: 0, reason: 1, rawReason: "stop" },
            },
          ],
          end: {
            candidates: [],
            usage: undefined,
            rawUsage: undefined,
            responseId: "r",
            model: "m",
            warnings: [],
          },
        },
        {
          responseId: "r",
          model: "m",
          upstreamModel: "m",
          provider: "p",
          deployment: "d",
          attempt: 1,
        },
        { usage: { $typeName: "penstock.type.v1.TokenUsage", source: 1 }, costNanoUsd: undefined },
      );
      timeouts.push(response.socket?.timeout);
      response.socket?.emit("timeout");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const small = open(port);
    small.socket.write("GET /10 HTTP/1.1\r\nhost: h\r\n\r\n");
    await vi.waitFor(() => expect(small.text).toContain("xxxxxxxxxx"));
    const large = open(port);
    large.socket.pause();
    large.socket.write("GET /60000000 HTTP/1.1\r\nhost: h\r\n\r\n");
    await vi.waitFor(() => expect(timeouts).toHaveLength(2));
    expect(timeouts[1]).toBe(60_000);
    large.socket.resume();
    await vi.waitFor(() => expect(large.closed).toBe(true));
    expect(large.text.length).toBeLessThan(60_000_000);
  });
});
