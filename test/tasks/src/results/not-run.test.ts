import { expect, it } from "vitest";
import { readNotRun } from "./not-run.ts";

it("prints every lane once, with one prefix", () => {
  const text =
    "nats: no nats-server on PATH\nnot run: PostgreSQL: no initdb\n\nnats: no nats-server on PATH\n";
  expect(readNotRun(text, "")).toEqual({
    lines: ["not run: PostgreSQL: no initdb", "not run: nats: no nats-server on PATH"],
    failed: 0,
  });
});

it("counts only lanes that were demanded as failed", () => {
  const text = "nats: no nats-server\nPostgreSQL: no initdb\n";
  expect(readNotRun(text, "postgres").failed).toBe(1);
  expect(readNotRun(text, "nats, postgres").failed).toBe(2);
  expect(readNotRun("", "nats,postgres").failed).toBe(0);
});

it("lists what makes sense in one shape only apart, and as no failure", () => {
  const text = "only embedded: a.test.ts: it kills the one process, not nats\nnats: missing\n";
  expect(readNotRun(text, "nats")).toEqual({
    lines: [
      "not run: nats: missing",
      "only embedded: a.test.ts: it kills the one process, not nats",
    ],
    failed: 1,
  });
});
