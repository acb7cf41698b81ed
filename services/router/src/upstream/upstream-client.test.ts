import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { call, client, closeAll, serve, target } from "./upstream-client.fixture.ts";

afterEach(closeAll);

describe("UpstreamClient", () => {
  it("sends what is allowed and nothing else, and relays the answer", async () => {
    let seen: IncomingMessage | undefined;
    let body = "";
    const origin = await serve((request, response) => {
      seen = request;
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        response.writeHead(200, { "content-type": "application/json", "x-request-id": "up-1" });
        response.end('{"ok":true}');
      });
    });
    const { sink } = call(client(), target(origin));
    await sink.ended;
    expect(sink).toMatchObject({ status: 200, isEventStream: false, text: '{"ok":true}' });
    expect(sink.header("x-request-id")).toBe("up-1");
    expect(body).toBe('{"model":"ü"}');
    expect(seen?.method).toBe("POST");
    expect(seen?.url).toBe("/v1/chat/completions");
    expect(seen?.headers).toEqual({
      host: new URL(origin).host,
      connection: "keep-alive",
      authorization: "Bearer sk-test",
      "content-type": "application/json",
      "content-length": "14",
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "penstock",
      "x-static": "1",
      "x-request-id": "r.1",
    });
  });

  it("relays a stream piece by piece and obeys pause", async () => {
    let response: ServerResponse | undefined;
    const origin = await serve((_request, answer) => {
      response = answer;
      answer.writeHead(200, { "content-type": "text/event-stream" });
      answer.write("data: 1\n\n");
    });
    const { sink, handle } = call(client(), target(origin), true);
    await vi.waitFor(() => expect(sink.text).toBe("data: 1\n\n"));
    expect(sink.isEventStream).toBe(true);
    handle.pause();
    response?.write("x".repeat(1_000_000));
    response?.write("y".repeat(1_000_000));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sink.text.length).toBeLessThan(1_000_000);
    handle.resume();
    response?.end();
    await sink.ended;
    expect(sink.text.length).toBe(2_000_009);
    expect(sink.calls.at(-1)).toBe("end");
  });

  it("closes the connection on cancel, and the sink hears nothing more", async () => {
    const closed = vi.fn();
    const origin = await serve((_request, response) => {
      response.on("close", closed);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    });
    const upstream = client();
    const to = target(origin);
    const { sink, handle } = call(upstream, to, true);
    await vi.waitFor(() => expect(sink.calls).toContain("data"));
    const calls = [...sink.calls];
    handle.cancel();
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
    await new Promise((resolve) => setImmediate(resolve));
    expect(sink.calls).toEqual(calls);
    expect(upstream.isFull(to)).toBe(false);
  });

  it("never sends a call that was cancelled while it was connecting", async () => {
    const requests = vi.fn();
    const origin = await serve(requests);
    const { sink, handle } = call(client(), target(origin));
    handle.cancel();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(requests).not.toHaveBeenCalled();
    expect(sink.calls).toEqual([]);
  });

  it("says that a target is full at its cap, and not any more when a call ends", async () => {
    const answers: ServerResponse[] = [];
    const origin = await serve((_request, response) => void answers.push(response));
    const upstream = client();
    const to = target(origin);
    const first = call(upstream, to);
    expect(upstream.isFull(to)).toBe(false);
    const second = call(upstream, to);
    expect(upstream.isFull(to)).toBe(true);
    await vi.waitFor(() => expect(answers.length).toBe(2));
    answers[0]?.end("{}");
    await Promise.race([first.sink.ended, second.sink.ended]);
    expect(upstream.isFull(to)).toBe(false);
  });

  it("tells a sink what it has thrown, and makes the next call", async () => {
    const origin = await serve((_request, response) => void response.end("{}"));
    const upstream = client();
    const to = target(origin, {}, { maxConcurrentRequests: 1 });
    for (const method of ["onHeaders", "onData", "onEnd"] as const) {
      const { sink } = call(upstream, to);
      sink[method] = () => {
        throw new Error("planted");
      };
      await sink.ended;
      expect(sink.mistake).toEqual(new Error("planted"));
      expect([sink.failure, upstream.isFull(to)]).toEqual([undefined, false]);
    }
    const { sink } = call(upstream, to);
    await sink.ended;
    expect(sink.calls).toEqual(["headers", "data", "end"]);
  });

  it("does not follow redirects", async () => {
    const urls: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      urls.push(request.url);
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    const { sink } = call(client(), target(origin));
    await sink.ended;
    expect(sink.status).toBe(307);
    expect(urls).toEqual(["/v1/chat/completions"]);
  });
});
