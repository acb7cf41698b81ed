/** Decides whether a trace is recorded; the second argument is the decision of the parent. */
export type Sampler = (traceId: string, parentSampled: boolean | undefined) => boolean;

/** 13 hexadecimal digits are 52 bits, the most that a double holds exactly. */
const digits = 13;

/**
 * Builds the sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` describe. The names
 * are those of the OpenTelemetry specification; an unknown name or ratio is answered with
 * undefined, so that the caller can say so and keep the default.
 */
export function createSampler(name = "parentbased_always_on", argument = "1"): Sampler | undefined {
  const parentBased = name.startsWith("parentbased_");
  const root = rootSampler(parentBased ? name.slice("parentbased_".length) : name, argument);
  if (root === undefined) return undefined;
  return (traceId, parentSampled) =>
    parentBased && parentSampled !== undefined ? parentSampled : root(traceId);
}

function rootSampler(name: string, argument: string): ((traceId: string) => boolean) | undefined {
  if (name === "always_on") return () => true;
  if (name === "always_off") return () => false;
  if (name !== "traceidratio") return undefined;
  const ratio = argument.trim() === "" ? Number.NaN : Number(argument);
  if (!(ratio >= 0 && ratio <= 1)) return undefined;
  // The right end of a trace id is random in every implementation; the left may hold a time.
  const threshold = ratio * 16 ** digits;
  return (traceId) => Number.parseInt(traceId.slice(-digits), 16) < threshold;
}
