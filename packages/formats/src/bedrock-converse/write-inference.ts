import type { Sampling } from "@penstock/api";
import { claudeStops } from "../claude-request.ts";
import type { TargetRequest } from "../format.ts";
import { modelFamily } from "./model-family.ts";

/** Writes the parameters that the API has for all models; undefined where none is said. */
export function writeInference(
  sampling: Sampling | undefined,
  target: TargetRequest,
): Record<string, unknown> | undefined {
  if (sampling === undefined) return undefined;
  const { maxOutputTokens, temperature, topP, stopSequences } = sampling;
  const isClaude = modelFamily(target.model) === "anthropic";
  const config = {
    maxTokens: maxOutputTokens,
    temperature: writeTemperature(temperature, target),
    topP,
    stopSequences: isClaude
      ? claudeStops(sampling, target.warn)
      : stopSequences.length === 0
        ? undefined
        : stopSequences,
  };
  const says = maxOutputTokens ?? temperature ?? topP ?? config.stopSequences;
  return says === undefined ? undefined : config;
}

/** Highest temperature of the API (API_runtime_InferenceConfiguration). */
const maxTemperature = 1;

function writeTemperature(
  temperature: number | undefined,
  { warn }: TargetRequest,
): number | undefined {
  if (temperature === undefined || temperature <= maxTemperature) return temperature;
  warn?.(`parameter_changed: temperature is ${maxTemperature}, the highest there is`);
  return maxTemperature;
}
