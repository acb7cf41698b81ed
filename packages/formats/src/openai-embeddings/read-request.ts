import { VectorEncoding, type EmbedInput, type EmbedRequest } from "@penstock/api";
import { FieldProblems } from "../field-problems.ts";
import { kindOf, readInteger, readModelName, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";
import { readJsonObject } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import { wishMembers } from "../wishes/read-wish-member.ts";
import { applyWishes, newWishes, type Wishes } from "../wishes/wishes.ts";
import type { CallerEmbedRequest } from "../embedding-format.ts";

/** OpenAI's own bound. */
const maxInputs = 2_048;
const maxTokensOfInput = 1_000_000;
const maxToken = 2 ** 32 - 1;
const maxDimensions = 65_536;

interface Draft {
  readonly request: EmbedRequest;
  sawModel: boolean;
  sawInput: boolean;
  wishes: Wishes | undefined;
  extras: Record<string, unknown> | undefined;
}

type FieldReader = (draft: Draft, value: unknown, problems: FieldProblems) => void;

/** Fields with a place in the canonical request. */
const readers: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  ["model", readModel],
  ["input", readInput],
  [
    "dimensions",
    (draft, value, problems) => {
      const range = { min: 1, max: maxDimensions };
      draft.request.dimensions = readInteger(problems, "dimensions", value, range);
    },
  ],
  ["encoding_format", readEncoding],
  [
    "user",
    (draft, value, problems) => {
      draft.request.endUser = readText(problems, "user", value, { min: 0, max: 256 });
    },
  ],
  ...[...wishMembers].map(([name, read]): [string, FieldReader] => [
    name,
    (draft, value, problems) => read(problems, (draft.wishes ??= newWishes()), value),
  ]),
]);

/** Whether the field is one that the request has a place of its own for. */
export function isOwnField(name: string): boolean {
  return readers.has(name);
}

/**
 * Reads a request of the Embeddings API. Fields without a place in the canonical request travel in
 * `format_parameters["openai-embeddings"]`. Throws FIELD_INVALID or UNSUPPORTED_FIELD with the
 * paths of all problems, 20 at most.
 */
export function readRequest(body: Uint8Array): CallerEmbedRequest {
  const fields = readJsonObject(body);
  const problems = new FieldProblems();
  const draft = newDraft();
  for (const key in fields) {
    const value = fields[key];
    const read = readers.get(key);
    if (read === undefined) carry(draft, problems, key, value);
    else if (value !== null) read(draft, value, problems);
  }
  if (!draft.sawModel) problems.add("model", "is required");
  if (!draft.sawInput) problems.add("input", "is required");
  problems.throwIfAny();
  return finish(draft);
}

function finish({ request, wishes, extras }: Draft): CallerEmbedRequest {
  if (extras !== undefined) request.formatParameters["openai-embeddings"] = extras as JsonObject;
  if (wishes !== undefined) applyWishes(request, wishes);
  return { request, wishDialect: wishes?.dialect, report: wishes?.report ?? false };
}

function carry(draft: Draft, problems: FieldProblems, key: string, value: unknown): void {
  if (isRefusedField(key)) {
    problems.addUnsupported(key, "is refused: callers choose no destination, credential or header");
    return;
  }
  draft.extras ??= {};
  draft.extras[key] = value;
}

function readModel(draft: Draft, value: unknown, problems: FieldProblems): void {
  draft.sawModel = true;
  const model = readModelName(problems, "model", value);
  if (model !== undefined) draft.request.model = model;
}

function readEncoding(draft: Draft, value: unknown, problems: FieldProblems): void {
  if (value === "float") draft.request.encoding = VectorEncoding.VALUES;
  else if (value === "base64") draft.request.encoding = VectorEncoding.BYTES;
  else problems.add("encoding_format", "must be float or base64");
}

/** A text, a list of texts, a list of tokens, or a list of such lists; never a mixture. */
function readInput(draft: Draft, value: unknown, problems: FieldProblems): void {
  draft.sawInput = true;
  if (typeof value === "string") {
    draft.request.inputs = [readTextInput(problems, "input", value)];
    return;
  }
  if (!Array.isArray(value)) {
    problems.add("input", `must be text or a list, not ${kindOf(value)}`);
    return;
  }
  if (value.length === 0) problems.add("input", "must not be empty");
  else if (typeof value[0] === "number") {
    draft.request.inputs = [readTokens(problems, "input", value)];
  } else if (value.length > maxInputs) {
    problems.add("input", `must have at most ${maxInputs} members`);
  } else draft.request.inputs = readList(problems, value);
}

function readList(problems: FieldProblems, list: readonly unknown[]): EmbedInput[] {
  const ofTokens = Array.isArray(list[0]);
  const inputs: EmbedInput[] = [];
  for (const [index, member] of list.entries()) {
    if (problems.full) break;
    const field = `input[${index}]`;
    if (!ofTokens) inputs.push(readTextInput(problems, field, member));
    else if (Array.isArray(member)) inputs.push(readTokens(problems, field, member));
    else problems.add(field, `must be a list of tokens as the first is, not ${kindOf(member)}`);
  }
  return inputs;
}

function readTextInput(problems: FieldProblems, field: string, value: unknown): EmbedInput {
  const text = readText(problems, field, value, { min: 1, max: Number.MAX_SAFE_INTEGER }) ?? "";
  return newInput({ case: "text", value: text });
}

function readTokens(problems: FieldProblems, field: string, list: readonly unknown[]): EmbedInput {
  if (list.length === 0 || list.length > maxTokensOfInput) {
    problems.add(field, `must have 1 to ${maxTokensOfInput} tokens`);
  }
  const wrong = list.findIndex((token) => !isToken(token));
  if (wrong !== -1) problems.add(`${field}[${wrong}]`, `must be a token from 0 to ${maxToken}`);
  const tokens = wrong === -1 ? (list as number[]) : [];
  return newInput({
    case: "tokens",
    value: { $typeName: "penstock.inference.v1.TokenSequence", tokens },
  });
}

function isToken(value: unknown): boolean {
  if (typeof value !== "number" || Object.is(value, -0)) return false;
  return Number.isInteger(value) && value >= 0 && value <= maxToken;
}

function newInput(input: EmbedInput["input"]): EmbedInput {
  return { $typeName: "penstock.inference.v1.EmbedInput", input };
}

function newDraft(): Draft {
  return {
    request: {
      $typeName: "penstock.inference.v1.EmbedRequest",
      model: "",
      inputs: [],
      encoding: VectorEncoding.UNSPECIFIED,
      labels: {},
      formatParameters: {},
    },
    sawModel: false,
    sawInput: false,
    wishes: undefined,
    extras: undefined,
  };
}
