import { describe, expect, it } from "vitest";
import type { StreamEvent } from "../format.ts";
import { openaiResponses } from "./openai-responses.ts";

describe("createStreamReader", () => {
  it("takes the arguments of a call from its item where a server tells them as an object", () => {
    const call = { type: "function_call", id: "fc_1", call_id: "call_1", name: "f" };
    const given = { city: "Bern" };
    const stream = [
      {
        type: "response.output_item.added",
        output_index: 0,
        item: { ...call, arguments: "" },
      },
      { type: "response.function_call_arguments.done", output_index: 0, arguments: given },
      {
        type: "response.output_item.done",
        output_index: 0,
        item: { ...call, arguments: given },
      },
    ];
    const events: StreamEvent[] = [];
    const reader = openaiResponses.createStreamReader({
      event: (event) => void events.push(event),
      flush: () => undefined,
      finish: () => undefined,
      fail: () => undefined,
    });
    const text = stream.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
    reader.push(new TextEncoder().encode(text));
    const told = events.map(({ case: kind, value }) =>
      kind === "blockDelta" ? value.delta.value : "",
    );
    expect(JSON.parse(told.join(""))).toEqual(given);
  });
});
