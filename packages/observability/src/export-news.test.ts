import { ManualClock } from "@penstock/runtime";
import { expect, it } from "vitest";
import { ExportNews } from "./export-news.ts";
import { createLogger } from "./logger.ts";

function newsOf() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line));
  const clock = new ManualClock();
  const news = new ExportNews({ logger: createLogger({ write }), clock, address: "http://c" });
  return { news, clock, lines };
}

it("warns once a minute with all that was lost since, and tells the end of it once", () => {
  const { news, clock, lines } = newsOf();
  news.delivered();
  for (let count = 0; count < 100; count += 1) news.lost(2, new Error("refused"));
  clock.advance(60_000);
  news.lost(1, new AggregateError([new Error("refused twice")]));
  news.delivered();
  news.delivered();
  expect(lines).toMatchObject([
    { level: "warn", lost: 2, cause: "refused" },
    { level: "warn", lost: 201, cause: "refused twice" },
    { level: "info", message: "spans are delivered again", lost: 201 },
  ]);
  expect(lines).toHaveLength(3);
});

it("stays quiet about a collector that comes and goes within a minute", () => {
  const { news, clock, lines } = newsOf();
  for (let count = 0; count < 59; count += 1) {
    news.lost(1, "away");
    news.delivered();
    clock.advance(1_000);
  }
  expect(lines.map(({ level }) => level)).toEqual(["warn", "info"]);
});
