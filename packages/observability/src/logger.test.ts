import { GatewayError } from "@penstock/errors";
import { Secret } from "@penstock/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";

function capture(format: "json" | "pretty" = "json") {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const logger = createLogger({ level: "debug", format, write, wallMs: () => 0 });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? "") as Record<string, unknown> };
}

describe("the logger", () => {
  it("writes one JSON object a line, with the fields of its ancestors", () => {
    const { logger, last } = capture();
    logger.child({ service: "router" }).child({ request: "1" }).info("hello", { count: 2n });
    expect(last()).toEqual({
      time: "1970-01-01T00:00:00.000Z",
      level: "info",
      message: "hello",
      service: "router",
      request: "1",
      count: "2",
    });
  });

  it("obeys the level", () => {
    const lines: string[] = [];
    const logger = createLogger({ level: "warn", write: (line) => lines.push(line) });
    logger.info("no");
    logger.error("yes");
    expect(lines).toHaveLength(1);
  });

  it("never shows a secret, wherever it hides", () => {
    const { logger, lines } = capture();
    const canary = "canary7777";
    const key = `psk_abcdefghijkl_${canary}`;
    const cause = new Error(`refused ${key}`);
    const fields = {
      secret: new Secret(canary),
      nested: { list: [{ authorization: canary }], map: new Map([["api_key", canary]]) },
      error: new GatewayError("INTERNAL", "failed", { cause }),
      [key]: 1,
      text: key,
    };
    logger.info(key, fields);
    logger.child(fields).warn("again", { deep: { a: { b: { c: { d: { e: { key } } } } } } });
    expect(lines.join("")).not.toContain(canary);
  });

  it("stays one line of valid JSON, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.anything(), (message, value) => {
        const { logger, lines } = capture();
        logger.info(message, { value });
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/^[^\n\r\u001b\u007f-\u009f\u2028\u2029\u202e]*\n$/);
        JSON.parse(lines[0] ?? "");
      }),
    );
  });

  it("escapes what turns a terminal in pretty lines as well", () => {
    const { logger, lines } = capture("pretty");
    logger.info("a\u001b[31m\nb", { name: "\u202ex\r\n" });
    expect(lines).toEqual(["00:00:00.000 INFO  a\\u001b[31m\\nb name=\\u202ex\\r\\n\n"]);
  });

  it("bounds fields and records", () => {
    const { logger, lines, last } = capture();
    logger.info("big", { text: "é".repeat(1_000_000), list: Array(60).fill("y".repeat(500)) });
    expect(Buffer.byteLength(String(last()["text"]))).toBeLessThanOrEqual(8_192);
    expect(Buffer.byteLength(String(last()["list"]))).toBeLessThanOrEqual(8_192);
    logger.info(
      "many",
      Object.fromEntries(
        Array(60)
          .fill(0)
          .map((_, i) => [`f${i}`, "z".repeat(8_000)]),
      ),
    );
    expect(Buffer.byteLength(lines.at(-1) ?? "")).toBeLessThanOrEqual(65_536);
    expect(last()["fields_dropped"]).toBeGreaterThan(0);
  });

  it("does not let fields overwrite the head of the record", () => {
    const { logger, last } = capture();
    logger.info("real", { message: "forged", level: "error" });
    expect(last()).toMatchObject({ message: "real", level: "info", message_: "forged" });
  });

  it("never throws", () => {
    const { logger, last } = capture();
    const hostile = {
      get bad(): string {
        throw new Error("no");
      },
    };
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    logger.info("x", { hostile, circle });
    expect(last()["hostile"]).toBe("[unprintable]");
    const broken = createLogger({
      write: () => {
        throw new Error("closed");
      },
    });
    expect(() => broken.info("x")).not.toThrow();
  });
});
