import { describe, expect, it } from "vitest";
import { eventsWithoutUsage, withoutUsage } from "./without-usage.ts";

describe("without usage", () => {
  it("leaves out what formats call it, at the top and one level below", () => {
    const body = {
      id: 1,
      usage: { a: 1 },
      response: { usage: {}, text: "usage" },
      usageMetadata: 2,
    };
    expect(JSON.parse(withoutUsage(JSON.stringify(body)))).toEqual({
      id: 1,
      response: { text: "usage" },
    });
  });

  it("leaves other lines of a stream alone", () => {
    const events =
      'event: x\ndata: {"usage":1,"b":2}\n\ndata: {"usage":1}\r\n\r\ndata: [DONE]\n\n: u';
    expect(eventsWithoutUsage(events)).toBe(
      'event: x\ndata: {"b":2}\n\ndata: {}\r\n\r\ndata: [DONE]\n\n: u',
    );
  });
});
