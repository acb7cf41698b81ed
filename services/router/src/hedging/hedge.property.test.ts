import { AttemptKind } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FakeCall } from "../pipeline/pipeline.fixture.ts";
import { createHedgingPipeline, delayMs, openThings, usage } from "./hedge.fixture.ts";

// Whatever two attempts do at whatever moments: one end, each attempt written down once, sums that
// are those of their parts, and nothing left open.

type Step =
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "caller leaves" }
  | { readonly do: "router ends" }
  | { readonly do: Doing; readonly call: number };

type Doing = "headers" | "content" | "end" | "answer" | "refuse" | "filter" | "break";

/** What answers comes oftener than what fails, so that both attempts get far. */
const doings: readonly Doing[] = ["headers", "content", "end", "answer"];
const failures: readonly Doing[] = ["refuse", "filter", "break"];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(1_500) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(...doings, ...doings, ...doings, ...failures),
      call: fc.constantFrom(0, 1, 1, 2),
    }),
  },
);
/** At most once, at some moment: who ends it from outside. */
const leave = fc.option(
  fc.record({
    at: fc.nat(25),
    step: fc.constantFrom<Step>({ do: "caller leaves" }, { do: "router ends" }),
  }),
);

/** What a provider has done so far: it does nothing that no provider can do. */
class Provider {
  #begun = false;
  #ended = false;
  readonly #call: FakeCall;

  constructor(call: FakeCall) {
    this.#call = call;
  }

  do(what: Doing, stream: boolean): void {
    const call = this.#call;
    if (call.cancelled || this.#ended) return;
    const { sink } = call.call;
    const fresh = !this.#begun;
    if (what === "headers" && fresh) {
      this.#begun = true;
      call.headers(200, {}, stream);
    } else if (what === "content" && stream && this.#begun) call.content("hi");
    else if (what === "end" && stream && this.#begun) {
      this.#ended = true;
      call.data('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
      call.data("data: [DONE]\n\n");
      if (!call.cancelled) sink.onEnd();
    } else if (what === "answer" && !stream && fresh) {
      this.#ended = true;
      call.answer(usage);
    } else if ((what === "refuse" || what === "filter") && fresh) {
      this.#ended = true;
      call.headers(what === "refuse" ? 503 : 400);
      if (what === "filter") call.data('{"error":{"code":"content_filter"}}');
      sink.onEnd();
    } else if (what === "break") {
      this.#ended = true;
      sink.onFailure({ class: "CONNECTION", message: "it broke", sentBytes: true });
    }
  }
}

describe("a request with two attempts", () => {
  it("ends once, and its books are right, whatever happens when", () => {
    let [hedged, won] = [0, 0];
    const steps = fc.array(step, { maxLength: 25, size: "max" });
    const settings = fc.record({
      stream: fc.boolean(),
      limited: fc.boolean(),
      slow: fc.boolean(),
    });
    fc.assert(
      fc.property(steps, leave, settings, (planned, left, { stream, limited, slow }) => {
        const todo = left === null ? planned : planned.toSpliced(left.at, 0, left.step);
        const limit = {
          name: "limits/tokens",
          scope: { all: true },
          tokensPerMinute: "1000000",
          onUnavailable: "UNAVAILABLE_MODE_ALLOW",
        };
        const pipeline = createHedgingPipeline(limited ? { "limits/tokens": { limit } } : {});
        const { clock, upstream, spool, bugs } = pipeline;
        const { downstream, handler } = pipeline.send({}, stream);
        const providers = new Map<FakeCall, Provider>();
        if (slow) clock.advance(2 * delayMs);
        for (const one of todo) {
          if (one.do === "wait") clock.advance(one.ms);
          else if (one.do === "caller leaves") handler.cancel();
          else if (one.do === "router ends") handler.interrupt(new GatewayError("DRAINING", "."));
          else {
            const call = upstream.calls[one.call];
            if (call === undefined) continue;
            const provider = providers.get(call) ?? new Provider(call);
            providers.set(call, provider);
            provider.do(one.do, stream);
          }
        }
        clock.advance(900_000);

        expect(bugs).toEqual([]);
        expect(openThings(pipeline)).toEqual({ open: 0, inFlight: 0, bugs: [] });
        const ends = downstream.heard.filter((word) => ["answer", "finish", "fail"].includes(word));
        expect(ends.length).toBeLessThanOrEqual(1);
        expect(downstream.heard.filter((word) => word === "start").length).toBeLessThanOrEqual(1);
        expect(spool.finals).toHaveLength(1);
        const [event] = spool.finals;
        const attempts = event?.attempts ?? [];
        const numbers = new Set(attempts.map(({ number }) => number));
        expect(attempts).toHaveLength(upstream.calls.length);
        expect(numbers).toEqual(new Set(upstream.calls.map((_, at) => at + 1)));
        expect(attempts.filter(({ committed }) => committed).length).toBeLessThanOrEqual(1);
        if (ends[0] === "answer" || ends[0] === "finish")
          expect(attempts.at(-1)?.outcome).toBe("OK");
        const second = attempts.filter(({ kind }) => kind === AttemptKind.HEDGE);
        expect(second.length).toBeLessThanOrEqual(1);
        const sum = attempts.reduce((total, { costNanoUsd = 0n }) => total + costNanoUsd, 0n);
        expect(event?.costNanoUsd ?? 0n).toBe(sum);
        const used = attempts.reduce(
          (total, one) => total + (one.usage?.inputTokens ?? 0n) + (one.usage?.outputTokens ?? 0n),
          0n,
        );
        const charged = (event?.charges ?? []).reduce((total, one) => total + one.settled, 0n);
        expect(charged).toBe(limited ? used : 0n);
        hedged += second.length;
        if (second[0]?.committed === true) won += 1;
      }),
      { numRuns: 300 },
    );
    // The steps above do lead to what this is about.
    expect(hedged).toBeGreaterThan(50);
    expect(won).toBeGreaterThan(10);
  });
});
