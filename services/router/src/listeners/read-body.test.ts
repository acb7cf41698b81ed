import type { IncomingMessage } from "node:http";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import type { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { BodyBudget } from "./body-budget.ts";
import { maximumBodyBytes } from "./body-errors.ts";
import { readBody } from "./read-body.ts";
import { stillHeld } from "./still-held.fixture.ts";

/** A body as it arrives, of a size that was announced or not, and what became of it. */
function arriving(budget: BodyBudget, announced?: number) {
  const headers = announced === undefined ? {} : { "content-length": String(announced) };
  const stream = Object.assign(new PassThrough(), { headers });
  const heard: (Buffer | GatewayError)[] = [];
  readBody(stream as unknown as IncomingMessage, budget, (body) => heard.push(body));
  return { stream, heard };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("readBody", () => {
  it.each([undefined, 4])("puts the pieces together; announced: %s", async (announced) => {
    const budget = new BodyBudget(4);
    const { stream, heard } = arriving(budget, announced);
    stream.write("ab");
    await turn();
    expect(heard).toEqual([]);
    expect(budget.take(3)).toBe(false);
    stream.end("cd");
    await turn();
    expect(heard.map(String)).toEqual(["abcd"]);
    expect(budget.take(4)).toBe(true);
  });

  it.each(["end", "close"])(
    "keeps no piece after the %s, while the request is kept",
    async (how) => {
      const request = Object.assign(new EventEmitter(), { headers: {} });
      let bodies = 0;
      readBody(request as unknown as IncomingMessage, new BodyBudget(), () => void (bodies += 1));
      const pieces = Array.from({ length: 3 }, () => {
        const piece = Buffer.from("a piece of some size");
        request.emit("data", piece);
        return new WeakRef(piece);
      });
      await turn();
      expect(stillHeld(pieces)).toBe(3);
      request.emit(how);
      await expect.poll(() => stillHeld(pieces)).toBe(0);
      expect(bodies).toBe(how === "end" ? 1 : 0);
      expect(request.listenerCount("data")).toBe(1);
    },
  );

  it.each([undefined, 0])("hears of an empty body once; announced: %s", async (announced) => {
    const { stream, heard } = arriving(new BodyBudget(), announced);
    stream.end();
    await turn();
    expect(heard.map(String)).toEqual([""]);
  });

  it("waits for nothing more when all that was announced came at once", async () => {
    const budget = new BodyBudget(4);
    const { stream, heard } = arriving(budget, 4);
    stream.write("abcd");
    await turn();
    expect(heard.map(String)).toEqual(["abcd"]);
    expect(budget.take(4)).toBe(true);
    stream.end();
    await turn();
    expect(heard).toHaveLength(1);
  });

  it("refuses a piece for which there is no room, though it is the whole body", async () => {
    const budget = new BodyBudget(4);
    budget.take(1);
    const { stream, heard } = arriving(budget, 4);
    stream.end("abcd");
    await turn();
    expect(heard).toMatchObject([{ reason: "OVERLOADED" }]);
    budget.give(1);
    expect(budget.take(4)).toBe(true);
  });

  it.each([undefined, maximumBodyBytes + 1])(
    "refuses what is too large; announced: %s",
    async (announced) => {
      const { stream, heard } = arriving(new BodyBudget(), announced);
      stream.write(Buffer.alloc(maximumBodyBytes));
      await turn();
      stream.write("x");
      await turn();
      expect(heard).toMatchObject([{ reason: "REQUEST_TOO_LARGE" }]);
    },
  );

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
