import type { FieldProblems } from "../field-problems.ts";
import { readText } from "../field-values.ts";
import { readGatewayOptions } from "./read-gateway-options.ts";
import { readModels } from "./read-models.ts";
import { readPenstockMember } from "./read-penstock-member.ts";
import { readProviderObject } from "./read-provider-object.ts";
import type { Wishes } from "./wishes.ts";

type MemberReader = (problems: FieldProblems, wishes: Wishes, value: unknown) => void;

/** Longest name of a session. Unit: characters. */
const maxSessionLength = 128;

/**
 * Members of a body that are for Penstock and no provider: its own, and those by which people talk
 * to Vercel's gateway and to OpenRouter.
 */
export const wishMembers: ReadonlyMap<string, MemberReader> = new Map<string, MemberReader>([
  ["penstock", readPenstockMember],
  ["provider", readProviderObject],
  ["providerOptions", readGatewayOptions],
  ["models", (problems, wishes, value) => readModels(problems, wishes, "models", value)],
  ["route", readRoute],
  [
    "session_id",
    (problems, wishes, value) => {
      const length = { min: 1, max: maxSessionLength };
      wishes.session = readText(problems, "session_id", value, length);
    },
  ],
]);

/** Older clients of OpenRouter say beside `models` that these are to be fallen back to. */
function readRoute(problems: FieldProblems, _wishes: Wishes, value: unknown): void {
  if (value === "fallback") return;
  problems.addUnsupported("route", "is refused: callers choose no route; fallback alone is taken");
}
