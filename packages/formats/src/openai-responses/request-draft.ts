import type { GenerateRequest } from "@penstock/api";
import { newRequest } from "../new-request.ts";
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
    request: newRequest(),
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

/** Keeps a field for a target of the same format. */
export function carry(draft: RequestDraft, key: string, value: unknown): void {
  draft.extras ??= {};
  draft.extras[key] = value;
}
