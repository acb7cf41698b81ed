import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { UsageEventBatchSchema, UsageEventSchema } from "@penstock/api";
import type { PublishResult } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import type { ErrorReason } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventPacker } from "./event-packer.ts";
import type { Parcel } from "./event-packer.ts";
import type { FinalRecord } from "./spool-callback.ts";

function finalsOf(count: number, padding = 0): FinalRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const sequence = BigInt(index + 1);
    const requestId = `request-${index}`;
    const event = create(UsageEventSchema, { requestId, sequence, model: "m".repeat(padding) });
    return { requestId, sequence, payload: toBinary(UsageEventSchema, event) };
  });
}

const sizes = (parcels: readonly Parcel[]): number[] => parcels.map(({ finals }) => finals.length);
const packer = (): EventPacker => new EventPacker("usage.v1.r");
const taken: PublishResult = { ok: true, duplicate: false };
const refused = (reason: ErrorReason): PublishResult => ({
  ok: false,
  error: new GatewayError(reason, "no"),
});

const outageReasons = ["UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"] as const;

function publishAll(
  one: EventPacker,
  batch: readonly FinalRecord[],
  resultOf: (parcel: Parcel) => PublishResult,
): Parcel[] {
  const parcels = one.pack(batch);
  one.published(parcels, parcels.map(resultOf));
  return parcels;
}

/** Publications before the one in which the guilty event is alone in its message. */
function triesUntilAlone(
  one: EventPacker,
  batch: readonly FinalRecord[],
  guilty: FinalRecord | undefined,
  reason: ErrorReason,
): number {
  const isGuilty = ({ finals }: Parcel): boolean => finals.some((final) => final === guilty);
  for (let tries = 0; tries < 100; tries += 1) {
    const parcels = publishAll(one, batch, (parcel) =>
      isGuilty(parcel) ? refused(reason) : taken,
    );
    if (parcels.find(isGuilty)?.finals.length === 1) return tries;
  }
  return Number.POSITIVE_INFINITY;
}

describe("EventPacker", () => {
  it("makes messages that the protocol's own reader takes apart", () => {
    const finals = finalsOf(3);
    const [parcel] = packer().pack(finals);
    const { message } = parcel ?? expect.fail();
    const { events } = fromBinary(UsageEventBatchSchema, message.payload);
    expect(events.map(({ requestId, sequence }) => [requestId, sequence])).toEqual(
      finals.map(({ requestId, sequence }) => [requestId, sequence]),
    );
    expect(message.subject).toBe("usage.v1.r");
  });

  it("leaves a single event as it is, under the id of its request", () => {
    const [final] = finalsOf(1);
    const [parcel] = packer().pack([final ?? expect.fail()]);
    expect(parcel?.message).toEqual({
      id: "request-0",
      subject: "usage.v1.r",
      payload: final?.payload,
    });
  });

  it("bounds messages in events and bytes; what is larger goes alone", () => {
    expect(sizes(packer().pack(finalsOf(150)))).toEqual([64, 64, 22]);
    expect(sizes(packer().pack(finalsOf(5, 30_000)))).toEqual([2, 2, 1]);
    expect(sizes(packer().pack(finalsOf(3, 100_000)))).toEqual([1, 1, 1]);
    for (const { message } of packer().pack(finalsOf(200, 2_000))) {
      expect(message.payload.length).toBeLessThanOrEqual(65_536);
    }
  });

  it("gives the same messages the same ids, and others others", () => {
    const finals = finalsOf(100);
    const ids = (batch: readonly FinalRecord[]): string[] =>
      packer()
        .pack(batch)
        .map(({ message }) => message.id);
    expect(ids(finals)).toEqual(ids(finals));
    expect(ids(finals)[0]).toBe(ids(finals.slice(0, 64))[0]);
    expect(ids(finals)[0]).not.toBe(ids(finals.slice(0, 63))[0]);
    const [first, second, third] = finals;
    const pairs = [second, third].map((other) => ids([first!, other!])[0]);
    expect(new Set([...pairs, "request-0"]).size).toBe(3);
    for (const id of ids(finals)) expect(id).toMatch(/^[!-~]{1,100}$/);
  });

  it("puts fewer together for each refusal, and more again when none is left", () => {
    const one = packer();
    const batch = finalsOf(64);
    const refuse = (): void => {
      const parcels = one.pack(batch);
      one.published(parcels, [refused("FIELD_INVALID"), ...parcels.slice(1).map(() => taken)]);
    };
    const seen: number[] = [];
    for (let time = 0; time < 8; time += 1) {
      seen.push(sizes(one.pack(batch))[0] ?? 0);
      refuse();
    }
    expect(seen).toEqual([64, 32, 16, 8, 4, 2, 1, 1]);
    for (let time = 0; time < 6 * 32; time += 1) {
      const parcels = one.pack(batch);
      one.published(
        parcels,
        parcels.map(() => taken),
      );
    }
    expect(sizes(one.pack(batch))).toEqual([64]);
  });

  it("halves what was refused, not what would have been allowed", () => {
    const one = packer();
    one.published(one.pack(finalsOf(5)), [refused("FIELD_INVALID")]);
    expect(sizes(one.pack(finalsOf(5)))).toEqual([2, 2, 1]);
  });

  it("halves on other reasons only beside messages that were taken", () => {
    const one = packer();
    one.published(one.pack(finalsOf(100)), [refused("UNAVAILABLE"), refused("UNAVAILABLE")]);
    expect(sizes(one.pack(finalsOf(100)))).toEqual([64, 36]);
    one.published(one.pack(finalsOf(100)), [refused("UNAVAILABLE"), taken]);
    expect(sizes(one.pack(finalsOf(100)))).toEqual([32, 32, 32, 4]);
  });

  it("packs as before after an outage, and finds a guilty event in the steps of halving", () => {
    const outages = fc.array(fc.constantFrom<ErrorReason>(...outageReasons), { maxLength: 40 });
    const guilty = fc.record({
      at: fc.nat({ max: 299 }),
      reason: fc.constantFrom<ErrorReason>("FIELD_INVALID", "UNAVAILABLE", "FAILED_PRECONDITION"),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        outages,
        guilty,
        (count, outage, { at, reason }) => {
          const one = packer();
          const batch = finalsOf(count);
          const usual = sizes(one.pack(batch));
          const idsBefore = one.pack(batch).map(({ message }) => message.id);
          for (const why of outage) publishAll(one, batch, () => refused(why));
          // Of an outage only the first message is taken apart, into its first event and the rest.
          const idsLast = new Set(one.pack(batch).map(({ message }) => message.id));
          expect(idsBefore.slice(1).every((id) => idsLast.has(id))).toBe(true);
          publishAll(one, batch, () => taken);
          expect(sizes(one.pack(batch))).toEqual(usual);

          const poison = batch[at % count];
          const steps = triesUntilAlone(one, batch, poison, reason);
          const waits = reason === "FIELD_INVALID" || usual.length > 1 ? 0 : 4;
          expect(steps).toBeLessThanOrEqual(Math.ceil(Math.log2(64)) + waits);
        },
      ),
    );
  });

  it("makes the same messages again of what was late, so that they are kept once", () => {
    const one = packer();
    const parcels = one.pack(finalsOf(64));
    one.published(parcels, [refused("DEADLINE_EXCEEDED")]);
    one.published(parcels, [undefined]);
    expect(one.pack(finalsOf(64))[0]?.message.id).toBe(parcels[0]?.message.id);
  });
});
