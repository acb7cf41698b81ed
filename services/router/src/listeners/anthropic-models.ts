import type { Model } from "@penstock/api";

/** Models of one page where the caller names no number, and the most of one page. */
const [defaultPageSize, largestPageSize] = [20, 1_000];

/** A model as Anthropic's clients read it; what is not known of it is null. */
export interface AnthropicModel {
  readonly type: "model";
  readonly id: string;
  readonly display_name: string;
  /** RFC 3339; the beginning of the epoch, as routes do not say when a model came. */
  readonly created_at: string;
  /** Largest input and output together. Unit: tokens. */
  readonly max_input_tokens: number | null;
  /** Largest output. Unit: tokens. */
  readonly max_tokens: number | null;
}

/** A page of models as Anthropic's clients read it. */
export interface AnthropicModelPage {
  readonly data: readonly AnthropicModel[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

/** A model in the words of Anthropic's API. */
export function anthropicModel({ name, facts }: Model): AnthropicModel {
  return {
    type: "model",
    id: name,
    display_name: name,
    created_at: "1970-01-01T00:00:00Z",
    max_input_tokens: numberOf(facts?.contextTokens),
    max_tokens: numberOf(facts?.maxOutputTokens),
  };
}

function numberOf(count: bigint | undefined): number | null {
  return count === undefined ? null : Number(count);
}

/**
 * The page that a query asks for, with `limit` and `after_id` or `before_id`, of models by name. A
 * limit that can't be meant is the default; an id that is not there begins at its place in the order.
 */
export function anthropicModelPage(models: readonly Model[], query: string): AnthropicModelPage {
  const asked = new URLSearchParams(query);
  const limit = readLimit(asked.get("limit"));
  const [after, before] = [asked.get("after_id"), asked.get("before_id")];
  const inOrder = models.filter(
    ({ name }) => (after === null || name > after) && (before === null || name < before),
  );
  // Backwards the page is the one right before the id.
  const backwards = before !== null && after === null;
  const page = backwards ? inOrder.slice(-limit) : inOrder.slice(0, limit);
  return {
    data: page.map(anthropicModel),
    has_more: inOrder.length > page.length,
    first_id: page[0]?.name ?? null,
    last_id: page.at(-1)?.name ?? null,
  };
}

function readLimit(text: string | null): number {
  const limit = /^\d{1,6}$/.test(text ?? "") ? Number(text) : 0;
  return limit === 0 ? defaultPageSize : Math.min(limit, largestPageSize);
}
