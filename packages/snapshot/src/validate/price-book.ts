import type { PriceBook } from "@penstock/api";
import { checkPriceEntries } from "@penstock/pricing";

import { priceEntries } from "../price-entries.ts";
import { maxModelLength } from "./check-scope.ts";
import { checkCount, checkText } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

const maxPrices = 10_000;
const maxSourceLength = 1_024;

/** Checks what only price books have. */
export function checkPriceBook(problems: ProblemList, priceBook: PriceBook): void {
  checkText(problems, "source", priceBook.source, { maxLength: maxSourceLength });
  if (!checkCount(problems, "prices", priceBook.prices.length, maxPrices)) return;
  for (const [index, price] of priceBook.prices.entries()) {
    checkText(problems, `prices[${index}].model`, price.model, { maxLength: maxModelLength });
  }
  for (const { field, description } of checkPriceEntries(priceEntries(priceBook))) {
    problems.invalid(protoJsonPath(field), description);
  }
}

/** `entries[2].input_price` of the pricing package as `prices[2].inputPrice`. */
function protoJsonPath(field: string): string {
  return field
    .replace(/^entries/, "prices")
    .replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
