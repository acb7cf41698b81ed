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
  // Compared digit by digit: of most ids the first one or two tell.
  const limit = Math.ceil(ratio * 16 ** digits)
    .toString(16)
    .padStart(digits, "0");
  return limit.length > digits ? () => true : (traceId) => endsBelow(traceId, limit);
}

/** Whether the last digits of the id, hexadecimal in lower case, are less than `limit`. */
function endsBelow(traceId: string, limit: string): boolean {
  const start = traceId.length - limit.length;
  for (let index = 0; index < limit.length; index += 1) {
    const difference = traceId.charCodeAt(start + index) - limit.charCodeAt(index);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
