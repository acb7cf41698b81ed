import { FinishReason } from "@penstock/api";
import { describe, expect, it } from "vitest";
import {
  finishDoors,
  heardEnd,
  providerEnds,
  toldEnd,
} from "./conformance/finish-table.fixture.ts";
import { finishWarning } from "./finish-warning.ts";

const rows = finishDoors.flatMap((door) => providerEnds.map((end) => ({ door, ...end })));

describe("how an answer ended", () => {
  it.each(rows)("as $word of $format is said rightly in $door, or a warning says so", (row) => {
    const { door, finish } = row;
    const heard = heardEnd(door, toldEnd(door, row));
    const warning = finishWarning(door, finish);
    // Whether an answer asks for tools is told by its items in this format.
    const asksForTools = door === "openai-responses" && finish.reason === FinishReason.TOOL_CALLS;
    const right = heard === finish.reason || asksForTools;
    expect(warning === undefined).toBe(right);
    if (warning !== undefined) expect(warning).toContain(finish.rawReason);
  });

  it("is said as it was where a turn of Anthropic's goes on, to who speaks its format", () => {
    const paused = { reason: FinishReason.OTHER, rawReason: "pause_turn" };
    expect(finishWarning("anthropic-messages", paused)).toBeUndefined();
    expect(finishWarning("openai-chat", paused)).toBe(
      "finish_reason_approximated: pause_turn is said as stop",
    );
  });
});
