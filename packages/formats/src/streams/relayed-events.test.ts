import { describe, expect, it } from "vitest";
import { bytesOf, relayAs, usage } from "../conformance/format-samples.fixture.ts";
import { readStream, type Outcome } from "../conformance/read-outcome.fixture.ts";
import type { Format } from "../format.ts";
import { formats } from "../formats.ts";
import { eventLine } from "./event-line.ts";
import { SseParser } from "./sse-parser.ts";

type Fields = Record<string, unknown>;
type Event = [name: string, type: unknown];

/** What a client makes of a stream: names of events, and the types in their data. */
function eventsOf(text: string): Event[] {
  const found: Event[] = [];
  const parser = new SseParser({
    event: (name, data) => {
      const [start] = data;
      found.push([name, start === "{" ? (JSON.parse(data) as Fields)["type"] : data]);
    },
  });
  parser.push(bytesOf([text]));
  parser.end(true);
  return found;
}

function passOn(format: Format, text: string): Outcome {
  return readStream(format, [bytesOf([text])], undefined, relayAs("asked"));
}

const written = ({ type, ...fields }: Fields): string =>
  `event: ${String(type)}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

const starts = {
  "anthropic-messages": [
    { type: "message_start", message: { id: "a", model: "m", usage: {} } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi" } },
  ],
  "openai-responses": [
    { type: "response.created", response: { id: "a", model: "m" } },
    { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "b" } },
    { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "Hi" },
  ],
} as const;

const lasts = {
  "anthropic-messages": "message_stop",
  "openai-responses": "response.completed",
  "openai-chat": "[DONE]",
} as const;

const lineEnds = ["\n", "\r", "\r\n"];

describe.each(["anthropic-messages", "openai-responses"] as const)("events of %s", (name) => {
  const format = formats[name];
  const last = lasts[name];
  const start = starts[name].map(written).join("");

  it.each(lineEnds)("do not begin another by a line end in their type, %j", (end) => {
    const type = `x${end}${end}event: ${last}${end}data: {"type":"${last}"}`;
    for (const more of [{}, { output_index: 0 }]) {
      const forged = `data: ${JSON.stringify({ type, ...more })}\n\n`;
      for (const text of [start + forged, forged + start]) {
        const { relayed, end: proof } = passOn(format, text);
        expect(proof).toBeUndefined();
        const [wanted, forgedEvent] = [starts[name].map((one) => [one.type, one.type]), ["", type]];
        const isFirst = text.startsWith(forged);
        expect(eventsOf(relayed)).toEqual(
          isFirst ? [forgedEvent, ...wanted] : [...wanted, forgedEvent],
        );
      }
    }
  });

  it("have no name that a client could cut to another", () => {
    for (const type of [
      ` ${last}`,
      `${last} `,
      `${last}\0`,
      `${last}\u2028`,
      "y".repeat(129),
      "",
    ]) {
      const { relayed } = passOn(format, `${start}data: ${JSON.stringify({ type })}\n\n`);
      expect(eventsOf(relayed).at(-1)).toEqual(["", type]);
    }
    const { relayed } = passOn(format, `${start}data: {"type":"a_new.event-1"}\n\n`);
    expect(eventsOf(relayed).at(-1)).toEqual(["a_new.event-1", "a_new.event-1"]);
  });
});

describe.each(["anthropic-messages", "openai-responses", "openai-chat"] as const)(
  "the data of %s",
  (name) => {
    it.each(lineEnds)("is one line however it came, %j", (end) => {
      const chunk = { id: "c", choices: [{ index: 0, delta: { content: "Hi" } }] };
      const events: Fields[] = name === "openai-chat" ? [chunk] : [...starts[name]];
      const lines = [...events, { type: "x", choices: [] }].map((one) => {
        const split = JSON.stringify(one, null, 1).split("\n");
        const opening = "type" in one && name !== "openai-chat" ? `event: ${one.type}${end}` : "";
        return opening + split.map((line) => `data: ${line}${end}`).join("") + end;
      });
      const outcome = passOn(formats[name], lines.join(""));
      const text = outcome.relayed + (outcome.end?.relayed?.write(usage) ?? "");
      const line = /^(?:event: [\w.]+|data: \{.*\})?$/;
      const wrong = text.split(/\r\n|\r|\n/).filter((one) => !line.test(one));
      expect(wrong).toEqual([]);
      expect(text).toContain("Hi");
      expect(eventsOf(text)).not.toContainEqual([expect.anything(), lasts[name]]);
    });
  },
);

describe("an item of its own format that is written again", () => {
  it("does not begin another event by its type", () => {
    const item = { type: "new_call", id: "n" };
    const type = 'x\n\nevent: response.completed\ndata: {"type":"response.completed"}';
    const stream = [
      { type: "response.created", response: { id: "a", model: "m" } },
      { type: "response.output_item.added", output_index: 0, item },
      { type, output_index: 0 },
    ];
    const format = formats["openai-responses"];
    const text = stream.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("");
    const { events } = readStream(format, [bytesOf([text])]);
    const identity = { model: "m", responseId: "a", requestId: "r", createdSeconds: 1 };
    const writer = format.createStreamWriter(identity, { includeUsage: true });
    const told = eventsOf(events.map((event) => writer.event(event)).join(""));
    expect(told.at(-1)).toEqual(["", type]);
    expect(told.map(([, one]) => one)).not.toContain("response.completed");
  });
});

describe("eventLine", () => {
  it("names an event in one line", () => {
    expect(eventLine("message_stop")).toBe("event: message_stop\n");
    expect(eventLine("a\rb")).toBe("");
  });
});
