import { MessageRole } from "@penstock/api";
import type { Capabilities, ContentPart, GenerateRequest, MediaPart } from "@penstock/api";

/** What a request may need of a target, by the field of the capability record. */
export interface Need {
  readonly capability: string;
  /** In a sentence: "it lacks …". */
  readonly words: string;
  /** Whether the request can do without: the parameter is left out, with a warning. */
  readonly droppable: boolean;
  /** The parameter, in the words of the canonical request. */
  readonly parameter: string;
  readonly lacks: (capabilities: Readonly<Capabilities>) => boolean;
  readonly uses: (request: GenerateRequest, stream: boolean) => boolean;
}

const needs: readonly Need[] = [
  hard("streaming", "streaming", "stream", (_request, stream) => stream, "streaming"),
  hard("tools", "tools", "tools", (request) => request.tools.length > 0, "tools"),
  hard(
    "json_schema",
    "answers by JSON schema",
    "response_format",
    (request) => request.responseFormat?.format.case === "jsonSchema",
    "jsonSchema",
  ),
  hard(
    "multiple_candidates",
    "several answers at once",
    "candidate_count",
    (request) => (request.candidateCount ?? 1) > 1,
    "multipleCandidates",
  ),
  hard("image_input", "images", "messages", (request) => hasMedia(request, "image"), "imageInput"),
  hard("audio_input", "audio", "messages", (request) => hasMedia(request, "audio"), "audioInput"),
  hard("file_input", "files", "messages", (request) => hasMedia(request, "file"), "fileInput"),
  hard(
    "prefill",
    "going on with a begun answer",
    "messages",
    (request) => request.messages.at(-1)?.role === MessageRole.ASSISTANT,
    "prefill",
  ),
  soft("reasoning", "reasoning", (request) => request.reasoning !== undefined, "reasoning"),
  soft("seed", "seeds", (request) => request.sampling?.seed !== undefined, "seed"),
  soft(
    "stop_sequences",
    "stop sequences",
    (request) => (request.sampling?.stopSequences.length ?? 0) > 0,
    "stopSequences",
  ),
  soft(
    "logprobs",
    "logprobs",
    (request) => request.sampling?.topLogprobs !== undefined,
    "logprobs",
  ),
  soft("top_k", "top_k", (request) => request.sampling?.topK !== undefined, "topK"),
  soft(
    "penalties",
    "penalties",
    ({ sampling }) =>
      sampling?.frequencyPenalty !== undefined || sampling?.presencePenalty !== undefined,
    "penalties",
  ),
];

type Flag = Exclude<
  keyof Capabilities,
  `$${string}` | "contextTokens" | "maxOutputTokens" | "promptCacheLifetime"
>;

function hard(
  ...[capability, words, parameter, uses, flag]: [string, string, string, Need["uses"], Flag]
): Need {
  const lacks = (capabilities: Readonly<Capabilities>): boolean => capabilities[flag] === false;
  return { capability, words, parameter, uses, droppable: false, lacks };
}

function soft(capability: string, words: string, uses: Need["uses"], flag: Flag): Need {
  return { ...hard(capability, words, capability, uses, flag), droppable: true };
}

const lackedBy = new WeakMap<Readonly<Capabilities>, readonly Need[]>();

/** What a target says that it can't; most say nothing, and then nothing of a request is looked at. */
function lackOf(capabilities: Readonly<Capabilities>): readonly Need[] {
  const known = lackedBy.get(capabilities);
  if (known !== undefined) return known;
  const lacked = needs.filter((need) => need.lacks(capabilities));
  lackedBy.set(capabilities, lacked);
  return lacked;
}

/** What the request uses and a target of these capabilities lacks; undefined when nothing. */
export function unmetNeeds(
  request: GenerateRequest,
  stream: boolean,
  capabilities: Readonly<Capabilities>,
): readonly Need[] | undefined {
  const lacked = lackOf(capabilities);
  if (lacked.length === 0) return undefined;
  const unmet = lacked.filter((need) => need.uses(request, stream));
  return unmet.length === 0 ? undefined : unmet;
}

/** Kinds of media, by what capability records know. */
export type MediaKind = "image" | "audio" | "file";

/** Whether any message carries media of the kind; what is neither image nor audio is a file. */
export function hasMedia(request: GenerateRequest, kind: MediaKind): boolean {
  return request.messages.some(({ parts }) => parts.some((part) => isMedia(part, kind)));
}

function isMedia({ part }: ContentPart, kind: MediaKind): boolean {
  if (part.case === "toolResult") return part.value.parts.some((inner) => isMedia(inner, kind));
  return part.case === "media" && kindOf(part.value) === kind;
}

/** The kind of a part of media. */
export function kindOf({ mediaType = "", fileName, source }: MediaPart): MediaKind {
  // Formats that name no type send addresses of images.
  const bareAddress = mediaType === "" && fileName === undefined && source.case === "uri";
  if (mediaType.startsWith("image/") || bareAddress) return "image";
  return mediaType.startsWith("audio/") ? "audio" : "file";
}
