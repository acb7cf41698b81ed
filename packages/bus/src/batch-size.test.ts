import { expect, it } from "vitest";
import { BatchSize } from "./batch-size.ts";

it("grows while transactions are short, and never beyond its bound", () => {
  const batch = new BatchSize(200, 512);
  batch.note(150, 25);
  expect(batch.size).toBe(250);
  for (let index = 0; index < 10; index += 1) batch.note(batch.size, 10);
  expect(batch.size).toBe(512);
});

it("does not grow by small transactions, which say nothing of large ones", () => {
  const batch = new BatchSize(200, 512);
  batch.note(1, 1);
  batch.note(100, 1);
  expect(batch.size).toBe(200);
});

it("shrinks when transactions take long, and never below where it began", () => {
  const batch = new BatchSize(200, 512);
  for (let index = 0; index < 10; index += 1) batch.note(batch.size, 10);
  batch.note(512, 50);
  expect(batch.size).toBe(512);
  batch.note(512, 51);
  expect(batch.size).toBe(256);
  batch.note(1, 1_000);
  expect(batch.size).toBe(200);
  expect(new BatchSize(4, 0).size).toBe(4);
});
