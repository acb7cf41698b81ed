import { create, equals } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Resource } from "@penstock/api";
import {
  BudgetPeriod,
  BudgetSchema,
  LimitSchema,
  PriceBookSchema,
  ResourceSchema,
  RouteSchema,
  UnavailableMode,
  VirtualKeySchema,
} from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readManifest } from "./read-manifest.ts";
import { writeManifest } from "./write-manifest.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 30 }),
  fc.constantFrom(
    "yes",
    "null",
    "12.50",
    "0x1",
    "- a",
    "a: b",
    "#",
    "~",
    "1e3",
    " x ",
    "|",
    "a\nb",
  ),
);
const id = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const money = fc.bigInt({ min: 0n, max: 9_223_372_036_854_775_807n });
const duration = fc.record({
  seconds: fc.bigInt({ min: 0n, max: 3_600n }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
});
const labels = fc.dictionary(
  text.filter((key) => key !== "__proto__"),
  text,
  { maxKeys: 4 },
);
const common = { displayName: text, labels, etag: text };

const route = fc
  .record({
    ...common,
    id,
    match: fc.record({ models: fc.array(text, { maxLength: 3 }), labels }),
    strategy: fc.constantFrom(undefined, "priority" as const, "weighted" as const),
    targets: fc.array(
      fc.record({ deployment: text, priority: fc.integer(), weight: fc.option(fc.nat()) }),
      { maxLength: 3 },
    ),
    timeouts: fc.record({ firstToken: duration, total: duration }),
  })
  .map(({ id: routeId, strategy, targets, ...rest }) =>
    create(RouteSchema, {
      ...rest,
      name: `routes/${routeId}`,
      targets: targets.map(({ weight, ...target }) =>
        weight === null ? target : { ...target, weight },
      ),
      ...(strategy === undefined ? {} : { strategy: { strategy: { case: strategy, value: {} } } }),
    }),
  )
  .map((value) => create(ResourceSchema, { resource: { case: "route", value } }));

const budget = fc
  .record({ ...common, id, amountNanoUsd: money, timeZone: text, project: text })
  .map(({ id: budgetId, project, ...rest }) =>
    create(BudgetSchema, {
      ...rest,
      name: `budgets/${budgetId}`,
      scope: { scope: { case: "project", value: project } },
      period: BudgetPeriod.DAY,
      onUnavailable: UnavailableMode.DENY,
    }),
  )
  .map((value) => create(ResourceSchema, { resource: { case: "budget", value } }));

const limit = fc
  .record({ ...common, id, amount: money })
  .map(({ id: limitId, amount, ...rest }) =>
    create(LimitSchema, {
      ...rest,
      name: `limits/${limitId}`,
      amount: { case: "requestsPerMinute", value: amount },
    }),
  )
  .map((value) => create(ResourceSchema, { resource: { case: "limit", value } }));

const priceBook = fc
  .record({ ...common, id, input: money, cached: fc.option(money), time: fc.nat() })
  .map(({ id: bookId, input, cached, time, ...rest }) =>
    create(PriceBookSchema, {
      ...rest,
      name: `priceBooks/${bookId}`,
      prices: [
        {
          model: "*",
          effectiveTime: timestampFromMs(time),
          inputNanoUsdPerMillionTokens: input,
          ...(cached === null ? {} : { cacheReadInputNanoUsdPerMillionTokens: cached }),
          audioInputNanoUsdPerMillionTokens: input,
          variants: [
            { serviceTier: "flex", inputNanoUsdPerMillionTokens: input },
            { aboveInputTokens: BigInt(time), requestNanoUsd: input },
          ],
        },
      ],
    }),
  )
  .map((value) => create(ResourceSchema, { resource: { case: "priceBook", value } }));

describe("writeManifest", () => {
  it("writes what readManifest reads back as the same", () => {
    const resource: fc.Arbitrary<Resource> = fc.oneof(route, budget, limit, priceBook);
    fc.assert(
      fc.property(fc.array(resource, { maxLength: 4 }), (resources) => {
        const written = writeManifest(resources);
        const manifest = readManifest(written, "-");
        expect(manifest.problems).toEqual([]);
        expect(manifest.resources).toHaveLength(resources.length);
        for (const [index, { resource: read }] of manifest.resources.entries()) {
          expect(equals(ResourceSchema, read, resources[index]!), written).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("leaves out what only the server sets, except the etag", () => {
    const value = create(VirtualKeySchema, {
      name: "projects/demo/virtualKeys/demo",
      uid: "u",
      etag: "e",
      revision: 3n,
      updateTime: timestampFromMs(0),
      credentials: [{ id: "abc", sha256: new Uint8Array(32) }],
      maxConcurrentRequests: 5,
    });
    const written = writeManifest([
      create(ResourceSchema, { resource: { case: "virtualKey", value } }),
    ]);
    expect(written).toBe(
      `# revision 3, changed 1970-01-01T00:00:00Z

kind: VirtualKey
name: projects/demo/virtualKeys/demo
etag: e
maxConcurrentRequests: 5
`,
    );
  });
});
