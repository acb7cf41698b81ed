import type { Interceptor } from "@connectrpc/connect";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it, vi } from "vitest";
import { mapCallErrors, withOutcome } from "./outcome.ts";

type Call = ReturnType<Interceptor>;
type Response = Awaited<ReturnType<Call>>;
const request = {} as Parameters<Call>[0];

function streaming(messages: () => AsyncGenerator<number>): Call {
  return () => Promise.resolve({ stream: true, message: messages() } as unknown as Response);
}

async function take(response: Response, count: number): Promise<void> {
  let taken = 0;
  for await (const _message of response.message as unknown as AsyncIterable<number>) {
    taken += 1;
    if (taken === count) return;
  }
}

async function* two() {
  yield 1;
  yield 2;
}

async function* failing() {
  yield 1;
  throw new Error("broke");
}

describe("withOutcome", () => {
  it("waits for the end of a stream", async () => {
    const onEnd = vi.fn();
    const response = await withOutcome(streaming(two), request, onEnd);
    expect(onEnd).not.toHaveBeenCalled();
    await take(response, 3);
    expect(onEnd.mock.calls).toEqual([[undefined]]);
  });

  it("tells that the reader left", async () => {
    const onEnd = vi.fn();
    await take(await withOutcome(streaming(two), request, onEnd), 1);
    expect(onEnd).toHaveBeenCalledTimes(1);
    expect(onEnd.mock.calls[0]?.[0]).toMatchObject({ reason: "CANCELLED" });
  });

  it("tells a failure in mid-stream and before it", async () => {
    const onEnd = vi.fn();
    await expect(
      withOutcome(streaming(failing), request, onEnd).then((response) => take(response, 3)),
    ).rejects.toThrow("broke");
    await expect(
      withOutcome(() => Promise.reject(new Error("early")), request, onEnd),
    ).rejects.toThrow("early");
    expect(onEnd.mock.calls.map(([error]) => (error as Error).message)).toEqual(["broke", "early"]);
  });
});

describe("mapCallErrors", () => {
  it("replaces errors before and within a stream", async () => {
    const map = () => new GatewayError("DRAINING", "mapped");
    const response = await mapCallErrors(streaming(failing), request, map);
    await expect(take(response, 3)).rejects.toThrow("mapped");
    await expect(
      mapCallErrors(() => Promise.reject(new Error("early")), request, map),
    ).rejects.toThrow("mapped");
  });
});
