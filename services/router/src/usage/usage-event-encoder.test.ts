import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { UsageEventSchema } from "@penstock/api";
import type { UsageEvent } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeEventHead, encodeUsageEvent } from "./usage-event-encoder.ts";

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary", maxLength: 60 }).map((value) => value.toWellFormed()),
  fc.string({ minLength: 100, maxLength: 300 }),
);
const int32 = fc.integer({ min: -2_147_483_648, max: 2_147_483_647 });
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
  fc
    .tuple(fc.constantFrom(7n, 14n, 28n, 31n, 32n, 35n, 53n, 62n), fc.bigInt({ min: -1n, max: 1n }))
    .map(([bits, more]) => 2n ** bits + more),
  fc.constantFrom(-1n, -(2n ** 63n), -(2n ** 32n), 2n ** 63n - 1n),
);

const encode = (event: UsageEvent): Uint8Array => encodeUsageEvent(event, encodeEventHead(event));

/** The fields in the order of their numbers, so that bytes can be compared. */
const ordered = (bytes: Uint8Array): Buffer =>
  Buffer.from(toBinary(UsageEventSchema, fromBinary(UsageEventSchema, bytes)));

/** Any value of a message type, along its descriptor. */
function anyMessage(desc: DescMessage): fc.Arbitrary<Message> {
  const fields = desc.fields.map((field) => [field.localName, anyField(field)] as const);
  return fc
    .record(Object.fromEntries(fields), { requiredKeys: [] })
    .map((init) => create(desc, init as never));
}

function anyField(field: DescField): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "enum":
      return fc.constantFrom(...field.enum.values.map(({ number }) => number));
    case "message":
      return anyMessage(field.message);
    case "list":
      return fc.array<unknown>(field.listKind === "message" ? anyMessage(field.message) : text, {
        maxLength: 3,
      });
    case "map":
      return fc.dictionary(fc.string(), text, { maxKeys: 3 });
    case "scalar": {
      const { scalar } = field;
      if (scalar === 9) return text;
      if (scalar === 8) return fc.boolean();
      return scalar === 3 ? int64 : int32;
    }
  }
}

describe("encodeUsageEvent", () => {
  it("writes what toBinary writes, whatever is in an event", () => {
    fc.assert(
      fc.property(anyMessage(UsageEventSchema), (message) => {
        const event = message as ReturnType<typeof create<typeof UsageEventSchema>>;
        expect(ordered(encode(event))).toEqual(Buffer.from(toBinary(UsageEventSchema, event)));
      }),
      { numRuns: 500 },
    );
  });

  it("writes messages that need three bytes for their length", () => {
    const facts = Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => [`k${at}`, "é".repeat(99)]),
    );
    const event = create(UsageEventSchema, { error: { metadata: facts }, sequence: 7n });
    expect(ordered(encode(event))).toEqual(Buffer.from(toBinary(UsageEventSchema, event)));
  });

  it("gives bytes that the next message leaves alone", () => {
    const first = encode(create(UsageEventSchema, { model: "first" }));
    encode(create(UsageEventSchema, { model: "second" }));
    expect(Buffer.from(first).includes("first")).toBe(true);
  });

  it("writes a principal again as it was", () => {
    const principal = { team: "teams/t", project: "projects/p", virtualKey: "projects/p/k" };
    const event = create(UsageEventSchema, { requestId: "first", principal });
    const whole = Buffer.from(toBinary(UsageEventSchema, event));
    expect(ordered(encode(event))).toEqual(whole);
    expect(ordered(encode(event))).toEqual(whole);
    const next = create(UsageEventSchema, { requestId: "x", epoch: 9n, model: "m" });
    next.principal = event.principal;
    expect(ordered(encode(next))).toEqual(Buffer.from(toBinary(UsageEventSchema, next)));
  });

  it("takes the head from an earlier event of the request", () => {
    const same = { requestId: "r", epoch: 3n, model: "mödel", labels: { a: "ü" }, revision: 9n };
    const intent = create(UsageEventSchema, same);
    const final = create(UsageEventSchema, { ...same, sequence: 4n, finishReasons: ["stop"] });
    const bytes = encodeUsageEvent(final, encodeEventHead(intent));
    expect(ordered(bytes)).toEqual(Buffer.from(toBinary(UsageEventSchema, final)));
  });
});
