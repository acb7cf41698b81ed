import type { GenerateRequest, Sampling } from "@penstock/api";
import type { Wishes } from "../wishes/wishes.ts";

/** A request while its fields are read. */
export interface RequestDraft {
  request: GenerateRequest;
  instructions: string | undefined;
  sawModel: boolean;
  sawInput: boolean;
  stream: boolean;
  parallel: boolean | undefined;
  topLogprobs: number | undefined;
  wantsLogprobs: boolean;
  wishes: Wishes | undefined;
  /** What becomes `format_parameters["openai-responses"]`. */
  extras: Record<string, unknown> | undefined;
}

/** A draft in which nothing is said yet. */
export function newDraft(): RequestDraft {
  return {
    request: {
      $typeName: "penstock.inference.v1.GenerateRequest",
      model: "",
      messages: [],
      tools: [],
      labels: {},
      formatParameters: {},
    },
    instructions: undefined,
    sawModel: false,
    sawInput: false,
    stream: false,
    parallel: undefined,
    topLogprobs: undefined,
    wantsLogprobs: false,
    wishes: undefined,
    extras: undefined,
  };
}

/** The sampling of a draft, made when it is first needed. */
export function samplingOf(draft: RequestDraft): Sampling {
  return (draft.request.sampling ??= {
    $typeName: "penstock.inference.v1.Sampling",
    stopSequences: [],
  });
}

/** Keeps a field for a target of the same format. */
export function carry(draft: RequestDraft, key: string, value: unknown): void {
  draft.extras ??= {};
  draft.extras[key] = value;
}
