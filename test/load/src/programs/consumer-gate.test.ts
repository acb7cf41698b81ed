import { joinEvents, openBus } from "@penstock/bus";
import type { Delivery } from "@penstock/bus";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { expect, it, vi } from "vitest";
import { gateConsumers } from "./consumer-gate.ts";

it("holds consumers up, not publishers, and counts what every consumer has answered for", async () => {
  const { logger } = silentObservability();
  const gate = gateConsumers(await openBus({ name: "test", clock: systemClock, logger }));
  const { usage } = gate.bus;
  const seen: Record<string, number> = { quota: 0, telemetry: 0 };
  for (const consumer of ["quota", "telemetry"]) {
    await usage.consume({
      consumer,
      maxBatch: 2,
      maxWaitMs: 1_000,
      handle: async (batch: Delivery[]) => {
        seen[consumer] = (seen[consumer] ?? 0) + batch.length;
        return batch.map(() => "ack" as const);
      },
    });
  }
  const publish = (...ids: string[]) =>
    usage.publish(ids.map((id) => ({ id, subject: "usage.v1.r", payload: new Uint8Array(1) })));
  gate.answers["gate-close"]();
  const results = await publish("a", "b", "c");
  expect(results.every(({ ok }) => ok)).toBe(true);
  // What is handed over by then waits at the gate.
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual({ quota: 0, telemetry: 0 });
  expect(gate.answers.consumed()).toEqual({ events: 0 });
  gate.answers["gate-open"]();
  await vi.waitFor(() => expect(gate.answers.consumed()).toEqual({ events: 3 }));
  expect(seen).toEqual({ quota: 3, telemetry: 3 });
  const several = joinEvents([new Uint8Array(1), new Uint8Array(2)]);
  await usage.publish([{ id: "d", subject: "usage.v1.r", payload: several }]);
  await vi.waitFor(() => expect(gate.answers.consumed()).toEqual({ events: 5 }));
  await gate.bus.close();
});
