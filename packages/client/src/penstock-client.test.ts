import { MessageRole } from "@penstock/api";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { channelTarget } from "./channel.ts";
import type { CallOptions } from "./call.ts";
import type { GenerateEvent } from "./generate-stream.ts";
import type { PenstockClient } from "./penstock-client.ts";
import { createPenstockClient } from "./penstock-client.ts";
import { PenstockError } from "./penstock-error.ts";
import type { TestGateway } from "./test-gateway.ts";
import { limitError, startTestGateway } from "./test-gateway.ts";

let gateway: TestGateway;
let client: PenstockClient;

beforeEach(async () => {
  gateway = await startTestGateway();
  client = createPenstockClient({ address: gateway.address, virtualKey: "psk_a", appName: "a b" });
});

afterEach(() => {
  client.close();
  gateway.close();
});

function ask(model: string, text = "one two three") {
  const part = { case: "text" as const, value: { text } };
  return { model, messages: [{ role: MessageRole.USER, parts: [{ part }] }] };
}

async function failure(promise: Promise<unknown>): Promise<PenstockError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(PenstockError);
  return thrown as PenstockError;
}

async function collect(events: AsyncIterable<GenerateEvent>): Promise<(string | undefined)[]> {
  const kinds: (string | undefined)[] = [];
  for await (const event of events) kinds.push(event.case);
  return kinds;
}

const decodedLimit = {
  code: 8,
  reason: "LIMIT_EXCEEDED",
  message: "The limit has no room.",
  source: "gateway",
  requestId: "request-1",
  traceId: "trace-1",
  retryDelayMs: 2_000,
  attempts: 2,
  committed: true,
  quotaViolations: limitError.quotaViolations,
};

describe("generate", () => {
  it("answers with headers and trailers", async () => {
    const { response, headers, trailers } = await client.generate(ask("echo"));
    const part = response.candidates[0]?.parts[0]?.part;
    expect(part?.case === "text" && part.value.text).toBe("one two three");
    expect(headers.get("x-request-id")).toBe("request-1");
    expect(trailers.get("x-penstock-attempts")).toBe("1");
  });

  it("sends key, headers, trace context, application and deadline", async () => {
    const headers = { "x-tag": "t", authorization: "Bearer forged" };
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    await client.generate(ask("echo"), { headers, traceparent, timeoutMs: 60_000 });
    const [call] = gateway.calls;
    expect(call?.metadata.get("authorization")).toEqual(["Bearer psk_a"]);
    expect(call?.metadata.get("x-tag")).toEqual(["t"]);
    expect(call?.metadata.get("traceparent")).toEqual([traceparent]);
    expect(call?.metadata.get("user-agent")[0]).toMatch(/^a_b grpc-node-js/);
    expect((call?.deadlineMs ?? 0) - Date.now()).toBeGreaterThan(50_000);
    expect((call?.deadlineMs ?? 0) - Date.now()).toBeLessThanOrEqual(60_000);
    await client.generate(ask("echo"));
    expect((gateway.calls[1]?.deadlineMs ?? 0) - Date.now()).toBeGreaterThan(890_000);
  });

  it("decodes an error with all details", async () => {
    expect(await failure(client.generate(ask("limited")))).toMatchObject(decodedLimit);
  });

  it("judges an error without readable details by its code", async () => {
    const error = await failure(client.generate(ask("unreadable")));
    expect(error).toMatchObject({ reason: "UNAVAILABLE", code: 14, requestId: "request-1" });
    expect(error).toMatchObject({ attempts: undefined, committed: false, metadata: {} });
  });

  it("ends at its deadline and at its signal", async () => {
    const late = await failure(client.generate(ask("silent"), { timeoutMs: 30 }));
    expect(late.reason).toBe("DEADLINE_EXCEEDED");
    // On a busy machine the deadline may pass before the gateway has heard of the call.
    const earlier = gateway.calls.length;
    const controller = new AbortController();
    const { signal } = controller;
    const cancelled = failure(client.generate(ask("silent"), { signal }));
    await vi.waitFor(() => expect(gateway.calls).toHaveLength(earlier + 1));
    controller.abort();
    expect((await cancelled).reason).toBe("CANCELLED");
    await vi.waitFor(() => expect(gateway.calls.at(-1)?.cancelled()).toBe(true));
    expect((await failure(client.generate(ask("echo"), { signal }))).reason).toBe("CANCELLED");
    expect(gateway.calls).toHaveLength(earlier + 1);
  });

  it("refuses a deadline and headers that no call can have, also of a stream", async () => {
    const wrong = [{ timeoutMs: Number.NaN }, { timeoutMs: "1" }, { headers: { "a b": "c" } }];
    for (const options of wrong as CallOptions[]) {
      const streamed = client.streamGenerate(ask("echo"), options);
      for (const call of [client.generate(ask("echo"), options), collect(streamed)]) {
        const error = await failure(call);
        const [field] = Object.keys(options);
        expect(error).toMatchObject({ reason: "FIELD_INVALID", fieldViolations: [{ field }] });
      }
    }
    expect(gateway.calls).toEqual([]);
  });

  it.each([1e15, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY])(
    "takes a deadline in %d ms, which is too far off for gRPC, as none",
    async (timeoutMs) => {
      await client.generate(ask("echo"), { timeoutMs });
      expect(await collect(client.streamGenerate(ask("echo"), { timeoutMs }))).toHaveLength(6);
      expect(gateway.calls.map(({ deadlineMs }) => deadlineMs)).toEqual([Infinity, Infinity]);
    },
  );

  it("says of a client that was closed", async () => {
    client.close();
    const calls = [client.generate(ask("echo")), collect(client.streamGenerate(ask("echo")))];
    for (const call of calls) {
      const error = await failure(call);
      expect(error).toMatchObject({ reason: "CANCELLED" });
      expect(error.message).toContain("closed");
    }
  });

  it("says UNAVAILABLE of a gateway that is not there, and does not wait for it", async () => {
    gateway.close();
    expect((await failure(client.generate(ask("echo")))).reason).toBe("UNAVAILABLE");
  });

  it("refuses a message over its bound", async () => {
    const { address } = gateway;
    const small = createPenstockClient({ address, virtualKey: "psk_a", maxMessageBytes: 1_000 });
    const error = await failure(small.generate(ask("echo", "x".repeat(2_000))));
    expect(error.reason).toBe("REQUEST_TOO_LARGE");
    small.close();
  });
});

describe("streamGenerate", () => {
  it("gives the events in order, then trailers", async () => {
    const stream = client.streamGenerate(ask("echo"));
    expect((await stream.headers).get("x-request-id")).toBe("request-1");
    expect(await collect(stream)).toEqual([
      "started",
      "blockStarted",
      "blockDelta",
      "blockDelta",
      "blockDelta",
      "finished",
    ]);
    expect((await stream.trailers).get("x-penstock-attempts")).toBe("1");
  });

  it("throws in a loop that begins after the failure", async () => {
    for (const model of ["broken", "limited"]) {
      const stream = client.streamGenerate(ask(model));
      await stream.headers;
      await stream.trailers;
      expect(await failure(collect(stream))).toMatchObject(decodedLimit);
    }
  });

  it("cancels the call when its reader leaves", async () => {
    for await (const event of client.streamGenerate(ask("silent"))) {
      if (event.case === "blockDelta") break;
    }
    await vi.waitFor(() => expect(gateway.calls[0]?.cancelled()).toBe(true));
  });

  it("cancels the call when its reader leaves before the first event", async () => {
    const stream = client.streamGenerate(ask("silent"));
    await stream.headers;
    await ReadableStream.from(stream).cancel();
    await vi.waitFor(() => expect(gateway.calls[0]?.cancelled()).toBe(true));
  });

  it("throws in the loop when it is cancelled or aborted", async () => {
    const stream = client.streamGenerate(ask("silent"));
    const ended = failure(collect(stream));
    await stream.headers;
    stream.cancel();
    expect((await ended).reason).toBe("CANCELLED");
    const controller = new AbortController();
    const { signal } = controller;
    const other = client.streamGenerate(ask("silent"), { signal });
    const aborted = failure(collect(other));
    await other.headers;
    controller.abort();
    expect((await aborted).reason).toBe("CANCELLED");
    const refused = client.streamGenerate(ask("echo"), { signal });
    expect((await failure(collect(refused))).reason).toBe("CANCELLED");
    expect((await failure(refused.headers)).reason).toBe("CANCELLED");
  });

  it("throws the decoded error before the first event and after some", async () => {
    expect(await failure(collect(client.streamGenerate(ask("limited"))))).toMatchObject(
      decodedLimit,
    );
    const kinds: (string | undefined)[] = [];
    const read = async () => {
      for await (const event of client.streamGenerate(ask("broken"))) kinds.push(event.case);
    };
    expect(await failure(read())).toMatchObject(decodedLimit);
    expect(kinds.slice(0, 3)).toEqual(["started", "blockStarted", "blockDelta"]);
  });

  it("leaves nothing unhandled when nobody reads", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const stream = client.streamGenerate(ask("limited"));
    await stream.trailers;
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("the channel", () => {
  it("goes to its addresses in turn", async () => {
    const second = await startTestGateway();
    const address = [gateway.address, second.address];
    const both = createPenstockClient({ address, virtualKey: "psk_a" });
    await vi.waitFor(async () => {
      await both.generate(ask("echo"));
      expect(Math.min(gateway.calls.length, second.calls.length)).toBeGreaterThan(1);
    });
    both.close();
    second.close();
  });

  it("makes targets of addresses", () => {
    expect(channelTarget("gateway.internal:8081")).toBe("dns:///gateway.internal:8081");
    expect(channelTarget(["10.0.0.1:1", "10.0.0.2:2"])).toBe("ipv4:10.0.0.1:1,10.0.0.2:2");
    expect(channelTarget("[::1]:1")).toBe("ipv6:[::1]:1");
  });

  it.each([[""], ["localhost"], ["http://localhost:1"], ["a:99999"], [["a:1", "b:2"]], [[]]])(
    "refuses the address %j",
    (address) => {
      expect(() => channelTarget(address)).toThrow(TypeError);
    },
  );

  it("refuses a key that is none, and lists models", async () => {
    const absent = undefined as unknown as string;
    for (const virtualKey of ["", absent]) {
      expect(() => createPenstockClient({ address: "a:1", virtualKey })).toThrow(TypeError);
    }
    expect(() => createPenstockClient({ address: "a:1", virtualKey: "a\nb" })).toThrow(TypeError);
    const { response } = await client.listModels({ pageSize: 5 });
    expect(response.models).toMatchObject([{ name: "smart" }]);
  });
});
