import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { GenerateRequest } from "@penstock/api";
import type { Snapshot } from "@penstock/snapshot";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import type { FakeCall } from "../pipeline/pipeline.fixture.ts";
import { sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";

/** Delay of the route below while little is known of its targets. */
export const delayMs = 1_000;
/** What a provider reports of an answer. */
export const usage = { prompt_tokens: 10, completion_tokens: 5 };

/** The route of the small installation with hedging, and whatever else. */
export function hedgedRoute(hedging: JsonObject = {}, more: JsonObject = {}): JsonValue {
  return {
    route: {
      name: "routes/smart",
      match: { models: ["smart"] },
      targets: [
        { deployment: "deployments/a-large" },
        { deployment: "deployments/b-large", priority: 1 },
      ],
      hedging: { maxDelay: `${delayMs / 1_000}s`, ...hedging },
      ...more,
    },
  };
}

type Pipeline = ReturnType<typeof createPipeline>;

/** A request with two attempts, in a pipeline of its own. */
type AskedTwice = Pipeline &
  ReturnType<Pipeline["send"]> & { readonly first: FakeCall; readonly second: FakeCall };

/** A pipeline whose only route hedges. */
export function createHedgingPipeline(
  changes: Readonly<Record<string, JsonValue>> = {},
): Pipeline & { readonly snapshot: Snapshot } {
  const snapshot = sampleSnapshot({ "routes/smart": hedgedRoute(), ...changes });
  return { ...createPipeline(snapshot), snapshot };
}

/** A request whose first target is slow, and which therefore has two attempts. */
export function askTwice(
  changes: Readonly<Record<string, JsonValue>> = {},
  { request = {}, stream = false }: { request?: Partial<GenerateRequest>; stream?: boolean } = {},
): AskedTwice {
  const pipeline = createHedgingPipeline(changes);
  const { downstream, handler } = pipeline.send(request, stream);
  pipeline.clock.advance(delayMs);
  const [first, second] = pipeline.upstream.calls as [FakeCall, FakeCall];
  return { ...pipeline, downstream, handler, first, second };
}

/** What must be true of a pipeline when nothing runs in it any more. */
export function openThings({
  admission,
  health,
  clock,
  bugs,
}: Pick<Pipeline, "admission" | "health" | "clock" | "bugs">) {
  const inFlight = health.list(clock.monotonicMs()).reduce((sum, one) => sum + one.inFlight, 0);
  return { open: admission.open, inFlight, bugs };
}
