import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import type { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { BodyBudget } from "./body-budget.ts";
import { readBody } from "./read-body.ts";

/** A body as it arrives, and what became of it. */
function arriving(budget: BodyBudget) {
  const stream = new PassThrough();
  const heard: (Buffer | GatewayError)[] = [];
  readBody(stream as unknown as IncomingMessage, budget, (body) => heard.push(body));
  return { stream, heard };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("readBody", () => {
  it("puts the pieces together", async () => {
    const { stream, heard } = arriving(new BodyBudget());
    stream.write("ab");
    stream.end("cd");
    await turn();
    expect(heard.map(String)).toEqual(["abcd"]);
  });

  it("refuses what would be too much of all bodies, and gives the room back", async () => {
    const budget = new BodyBudget(10);
    const first = arriving(budget);
    first.stream.write("12345678");
    await turn();
    const second = arriving(budget);
    second.stream.write("12345");
    await turn();
    expect(second.heard).toMatchObject([{ reason: "OVERLOADED" }]);
    first.stream.destroy();
    await turn();
    const third = arriving(budget);
    third.stream.end("1234567890");
    await turn();
    expect(third.heard.map(String)).toEqual(["1234567890"]);
    expect(first.heard).toEqual([]);
    expect(budget.take(10)).toBe(true);
  });
});
