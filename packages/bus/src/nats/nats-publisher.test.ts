import type { NatsConnection } from "@nats-io/transport-node";
import { afterEach, expect, it, vi } from "vitest";
import { NatsPublisher } from "./nats-publisher.ts";
import type { PublishEnd } from "./nats-publisher.ts";

afterEach(() => void vi.useRealTimers());

it("tells an acknowledgement that does not come in time from a connection that was lost", () => {
  vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
  const connection = { protocol: { sendCommand: () => undefined }, subscribe: () => undefined };
  const publisher = new NatsPublisher(connection as unknown as NatsConnection, "_INBOX");
  const ends: PublishEnd[] = [];
  const publish = (id: string): void => {
    const message = { id, subject: "usage.v1.r", payload: new Uint8Array(1) };
    publisher.publish([message], (all) => ends.push(...all));
  };
  publish("a");
  vi.advanceTimersByTime(1_900);
  expect(ends).toEqual([]);
  vi.advanceTimersByTime(400);
  expect(ends).toMatchObject([{ error: { reason: "DEADLINE_EXCEEDED" } }]);
  publish("b");
  publisher.close();
  expect(ends[1]).not.toHaveProperty("error.reason");
});
