import type { Sampling } from "@penstock/api";
import type { TargetRequest } from "./format.ts";
import { oncePerName } from "./once-per-name.ts";

/** What a reasoning model of OpenAI takes; the rest it refuses with 400. */
interface OpenaiRules {
  /** Efforts that it knows, from the least on. */
  readonly efforts: readonly string[];
  /** Whether sampling can be set where it does not reason. */
  readonly samples: boolean;
  /** Whether texts can end an answer. */
  readonly stops: boolean;
}

const ofSeriesO: OpenaiRules = { efforts: ["low", "medium", "high"], samples: false, stops: false };
const ofFive: OpenaiRules = {
  efforts: ["minimal", "low", "medium", "high"],
  samples: false,
  stops: false,
};
const ofFiveOne: OpenaiRules = {
  efforts: ["none", "low", "medium", "high"],
  samples: true,
  stops: true,
};
const later: OpenaiRules = { ...ofFiveOne, efforts: [...ofFiveOne.efforts, "xhigh"] };

/** From the least on, whoever knows them. */
const allEfforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

const named = /(?:^|\/)(?:(o)\d(?:-|$)|gpt-(\d{1,2})(?:\.(\d{1,2}))?(?:-|$))/;

/**
 * The rules of a model by its name (developers.openai.com: the guide "Reasoning models", the
 * reference of `reasoning_effort`, `stop` and `temperature`). Undefined: it does not reason, or
 * nothing is known of it, such as of a deployment that an account has named.
 */
const rulesOf = oncePerName((model: string): OpenaiRules | undefined => {
  const [, seriesO, major, minor] = named.exec(model) ?? [];
  if (seriesO !== undefined) return ofSeriesO;
  const version = Number(major ?? 0) * 100 + Number(minor ?? 0);
  if (version < 500 || /-(?:chat|pro)\b/.test(model)) return undefined;
  if (version === 500) return ofFive;
  return version === 501 ? ofFiveOne : later;
});

/** Sampling and effort as a model of OpenAI takes them. */
export interface OpenaiSampling {
  readonly sampling: Sampling | undefined;
  readonly effort: string | undefined;
}

/** Leaves out what the model would refuse, and says an effort in its words; `warn` is told. */
export function openaiSampling(
  sampling: Sampling | undefined,
  effort: string | undefined,
  { model, warn }: Pick<TargetRequest, "model" | "warn">,
): OpenaiSampling {
  const rules = rulesOf(model);
  if (rules === undefined) return { sampling, effort };
  const known = nearestEffort(effort, rules.efforts);
  if (known !== effort) warn?.(`parameter_changed: the effort ${effort} is ${known}`);
  if (sampling === undefined) return { sampling, effort: known };
  const kept: Sampling = { ...sampling };
  if (!rules.samples || (known ?? "none") !== "none") dropSampling(kept, warn);
  if (!rules.stops && kept.stopSequences.length > 0) {
    kept.stopSequences = [];
    warn?.("parameter_dropped: stop can't be set for this model");
  }
  return { sampling: kept, effort: known };
}

/** The values that say nothing, as they are what the model does anyway. */
const defaults = { temperature: 1, topP: 1, presencePenalty: 0, frequencyPenalty: 0 } as const;

function dropSampling(kept: Sampling, warn: TargetRequest["warn"]): void {
  for (const name of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const value = kept[name];
    if (value === undefined) continue;
    kept[name] = undefined;
    if (value !== defaults[name]) {
      warn?.(`parameter_dropped: ${name} can't be set where the model reasons`);
    }
  }
  if (kept.topLogprobs === undefined) return;
  kept.topLogprobs = undefined;
  warn?.("parameter_dropped: logprobs are not told where the model reasons");
}

/** The next effort below that the model knows, or its least one. */
function nearestEffort(effort: string | undefined, efforts: readonly string[]): string | undefined {
  if (effort === undefined || efforts.includes(effort)) return effort;
  const wanted = allEfforts.indexOf(effort);
  if (wanted < 0) return effort;
  return efforts.findLast((one) => allEfforts.indexOf(one) < wanted) ?? efforts[0];
}
