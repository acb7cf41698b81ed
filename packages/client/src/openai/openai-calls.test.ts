import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startTestGateway } from "../test-gateway.ts";
import type { TestGateway } from "../test-gateway.ts";
import { APIConnectionError, InternalServerError } from "./api-error.ts";
import { OpenAI } from "./openai-client.ts";

let gateway: TestGateway;
let openai: OpenAI;

beforeEach(async () => {
  gateway = await startTestGateway();
  openai = new OpenAI({ address: gateway.address, apiKey: "psk_a" });
});

afterEach(() => {
  openai.close();
  gateway.close();
});

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const messages = [{ role: "user" as const, content: "one two three" }];
const withoutEnd = {
  status: 503,
  code: "UNAVAILABLE",
  requestID: "request-1",
  message: expect.stringContaining("The answer has no end.") as string,
};

describe("an answer whose end is not there", () => {
  it("is an APIError where it came whole", async () => {
    const completion = openai.chat.completions.create({ model: "endless", messages });
    const embedding = openai.embeddings.create({ model: "endless", input: "one" });
    for (const error of [await failure(completion), await failure(embedding)]) {
      expect(error).toBeInstanceOf(InternalServerError);
      expect(error).toMatchObject(withoutEnd);
    }
  });

  it("is an APIError of the loop, after what came", async () => {
    const asked = { model: "endless", messages, stream: true } as const;
    const stream = await openai.chat.completions.create(asked);
    const texts: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { choices } of stream) texts.push(choices[0]?.delta.content ?? "");
    };
    const error = await failure(read());
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject(withoutEnd);
    expect(texts.join("")).toBe("one two three ");
    await expect(read()).resolves.toBeUndefined();
  });

  it("is an APIError of the call where not even its beginning came", async () => {
    const asked = { model: "empty", messages, stream: true } as const;
    const error = await failure(openai.chat.completions.create(asked));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error).toMatchObject({ status: undefined, code: "UNAVAILABLE" });
  });

  it("is not waited for by who leaves a stream before its first chunk", async () => {
    const asked = { model: "silent", messages, stream: true } as const;
    const stream = await openai.chat.completions.create(asked);
    await ReadableStream.from(stream).cancel();
    await vi.waitFor(() => expect(gateway.calls[0]?.cancelled()).toBe(true));
  });

  it("is no failure of a loop that its caller ended", async () => {
    const asked = { model: "silent", messages, stream: true } as const;
    const stream = await openai.chat.completions.create(asked);
    for await (const { choices } of stream) {
      if (choices[0]?.delta.content === "three ") stream.controller.abort();
    }
  });
});
