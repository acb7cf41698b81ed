import { describe, expect, it } from "vitest";
import { bytesOf, relayAs, usage } from "../conformance/format-samples.fixture.ts";
import { readStream, type Outcome } from "../conformance/read-outcome.fixture.ts";
import { openaiChat } from "./openai-chat.ts";

type Fields = Record<string, unknown>;

const about = { id: "c-1", object: "chat.completion.chunk", created: 7, model: "vendor-model" };
const told = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, own_word: 1 };
const relay = relayAs("asked");

function piece(delta: Fields, finish: string | null = null): Fields {
  return { ...about, choices: [{ index: 0, delta, finish_reason: finish }] };
}

const usual = [
  piece({ role: "assistant", content: "" }),
  piece({ content: "Hi" }),
  piece({ content: " \n“you”" }),
  piece({}, "stop"),
];

function bytesOfStream(chunks: readonly Fields[]): Uint8Array {
  return bytesOf([...chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`), "data: [DONE]\n\n"]);
}

function passOn(chunks: readonly Fields[], includeUsage = false): Outcome {
  return readStream(openaiChat, [bytesOfStream(chunks)], undefined, { ...relay, includeUsage });
}

function chunksOf({ relayed, end }: Outcome): unknown[] {
  const text = relayed + (end?.relayed?.write(usage) ?? "");
  const events = text.split("\n\n").slice(0, -1);
  expect(events.pop()).toBe("data: [DONE]");
  return events.map((event) => JSON.parse(event.slice("data: ".length)) as unknown);
}

const renamed = (chunks: readonly Fields[]): Fields[] =>
  chunks.map((chunk) => ({ ...chunk, model: "asked" }));

describe("chunks on their way to a caller of the same format", () => {
  it("stay as they are but for the name, and the end mark waits for the settlement", () => {
    const spaced = usual.map(
      (chunk) => `data: ${JSON.stringify(chunk, null, " ").replaceAll("\n", "")}\n\n`,
    );
    const bytes = bytesOf([...spaced, "data: [DONE]\n\n"]);
    const outcome = readStream(openaiChat, [bytes], undefined, { ...relay, includeUsage: false });
    const [last, ...others] = spaced
      .map((one) => one.replaceAll("vendor-model", "asked"))
      .toReversed();
    expect(outcome.relayed).toBe(others.toReversed().join(""));
    expect(outcome.end?.relayed?.write(usage)).toBe(`${last}data: [DONE]\n\n`);
  });

  it("tell the usage to who asked for it, as the provider wrote it", () => {
    const chunks = [...usual, { ...about, choices: [], usage: told }];
    expect(chunksOf(passOn(chunks, true))).toEqual(renamed(chunks));
    const unasked = passOn(chunks);
    expect(chunksOf(unasked)).toEqual(renamed(usual));
    expect(unasked.end?.usage?.outputTokens).toBe(2n);
  });

  it("tell the usage as it was settled where the provider does not", () => {
    const [last] = chunksOf(passOn(usual, true)).slice(-1);
    const settled = { prompt_tokens: 19, completion_tokens: 10, total_tokens: 29 };
    expect(last).toEqual({ ...about, model: "asked", choices: [], usage: settled });
  });

  it("are of one answer, made at one time, whatever a server leaves out", () => {
    const bare = usual.map(({ choices }) => ({ choices }));
    const ours = { ...about, id: "chatcmpl-request-1", created: relay.createdSeconds };
    expect(chunksOf(passOn(bare))).toEqual(
      usual.map((one) => ({ ...one, ...ours, model: "asked" })),
    );
    const [opening, ...others] = usual;
    const azure = {
      id: "",
      object: "",
      created: 0,
      model: "",
      choices: [],
      prompt_filter_results: [],
    };
    const [first, second] = chunksOf(passOn([azure, { ...opening, created: 9 }, ...others]));
    expect(first).toEqual({ ...azure, ...about, created: 9, model: "asked" });
    expect(second).toEqual({ ...opening, created: 9, model: "asked" });
    const otherIds = usual.map((chunk, number) => ({ ...chunk, id: `c-${number + 1}` }));
    expect(chunksOf(passOn(otherIds))).toEqual(renamed(usual));
  });

  it("have what clients rely on", () => {
    const chunks = [
      { ...about, choices: [{ delta: { content: "Hi" }, finish_reason: "" }] },
      { ...about, usage: null },
      { ...about, choices: [{ index: 0, finish_reason: "eos" }] },
    ];
    expect(chunksOf(passOn(chunks)).map((chunk) => (chunk as Fields)["choices"])).toEqual([
      [{ index: 0, delta: { role: "assistant", content: "Hi" }, finish_reason: null }],
      [],
      [{ index: 0, delta: {}, finish_reason: "stop" }],
    ]);
  });

  // The pieces of github.com/BerriAI/litellm/issues/16272, from magistral-medium-2509.
  it("say as text what Mistral's models think and say in lists", () => {
    const thinking = { type: "thinking", thinking: [{ type: "text", text: "'s a greeting" }] };
    const outcome = passOn([
      piece({ role: "assistant", content: "" }),
      piece({ content: [thinking] }),
      piece({ content: [thinking, { type: "text", text: "Hi" }] }),
      piece({ content: "!" }),
      piece({}, "stop"),
    ]);
    const deltas = chunksOf(outcome).map(
      (chunk) => (chunk as { choices: { delta: Fields }[] }).choices[0]?.delta,
    );
    expect(deltas).toEqual([
      { role: "assistant", content: "" },
      { content: "", reasoning_content: "'s a greeting" },
      { content: "Hi", reasoning_content: "'s a greeting" },
      { content: "!" },
      {},
    ]);
    const told = outcome.events.flatMap((event) =>
      event.case === "blockDelta" ? [event.value.delta.value] : [],
    );
    expect(told).toEqual(["'s a greeting", "'s a greeting", "Hi", "!"]);
  });

  it("tell calls apart, as text, under an id", () => {
    const call = (index: number, own: Fields, called: Fields): Fields =>
      piece({ role: "assistant", tool_calls: [{ index, ...own, function: called }] });
    const chunks = [
      call(0, { id: "a" }, { name: "f", arguments: '{"x"' }),
      call(0, {}, { arguments: ":1}" }),
      call(0, { id: "b" }, { name: "g", arguments: { y: 2 } }),
      call(0, {}, { arguments: "" }),
      call(5, {}, { name: "h" }),
      piece({}, "tool_calls"),
    ];
    const calls = chunksOf(passOn(chunks)).flatMap((chunk) => {
      const [choice] = (chunk as { choices: { delta: Fields }[] }).choices;
      return (choice?.delta["tool_calls"] ?? []) as unknown[];
    });
    expect(calls).toEqual([
      { index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"x"' } },
      { index: 0, function: { arguments: ":1}" } },
      { index: 1, id: "b", type: "function", function: { name: "g", arguments: '{"y":2}' } },
      { index: 1, function: { arguments: "" } },
      { index: 2, id: "call_2", type: "function", function: { name: "h", arguments: "" } },
    ]);
  });

  it("wait for the end with what says so, and go on where it was none", () => {
    const [opening, hi, more, stop] = usual as [Fields, Fields, Fields, Fields];
    const cut = passOn([opening, hi, stop, { error: { message: "no" } }]);
    expect(cut.relayed).toContain("Hi");
    expect(cut.relayed).not.toContain('"stop"');
    const early = piece({ content: "Hi" }, "stop");
    const chunks = [opening, early, more, early, stop];
    const outcome = passOn(chunks);
    expect(chunksOf(outcome)).toEqual(renamed(chunks));
    expect(outcome.relayed.split("\n\n")).toHaveLength(4);
    const two = [0, 1].map((index) => ({
      ...about,
      choices: [{ index, delta: { role: "assistant", content: "a" }, finish_reason: null }],
    }));
    const ends = [0, 1].map((index) => ({
      ...about,
      choices: [{ index, delta: {}, finish_reason: "stop" }],
    }));
    const both = passOn([...two, ...ends]);
    expect(both.relayed.split("\n\n")).toHaveLength(4);
    expect(chunksOf(both)).toEqual(renamed([...two, ...ends]));
  });

  it("do not go on before there is content, nor for an answer that fails", () => {
    const [opening] = usual as [Fields];
    const failed = passOn([opening, { error: { message: "no", type: "server_error" } }]);
    expect(failed.error).toBeDefined();
    expect(failed.relayed).toBe("");
    const filler = { ...opening, filler: "x".repeat(1_000_000) };
    const endless = passOn(Array.from({ length: 9 }, () => filler));
    expect(endless.error?.metadata["failure_class"]).toBe("MALFORMED");
  });

  it("do not wait in any number, however short they are", () => {
    const tiny = Array.from({ length: 32_768 }, () => ({ choices: [{}] }));
    expect(passOn([...tiny.slice(3), ...usual]).error).toBeUndefined();
    const endless = passOn([...tiny, ...usual]);
    expect(endless.error?.metadata["failure_class"]).toBe("MALFORMED");
    expect(endless.relayed).toBe("");
  });
});
