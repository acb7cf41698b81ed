import { VectorEncoding } from "@penstock/api";
import type { EmbedInput, EmbedRequest } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import { headOfVectors } from "../pipeline/head-of-vectors.ts";
import { checkHead, collectViolations } from "./validate-generate-request.ts";
import type { Check } from "./validate-generate-request.ts";

const maximumInputs = 2_048;
const maximumTokensOfInput = 1_000_000;
const maximumDimensions = 65_536;

/** Checks the bounds that the proto of `Embed` states. Reports every problem with its field path. */
export function validateEmbedRequest(request: EmbedRequest | undefined): GatewayError | undefined {
  return collectViolations((check) => {
    if (request === undefined) {
      check(false, "request", "is required");
      return;
    }
    checkHead(headOfVectors(request), check);
    const { inputs, dimensions, encoding } = request;
    check(inputs.length > 0, "inputs", "must not be empty");
    check(inputs.length <= maximumInputs, "inputs", "must have at most 2,048 inputs");
    checkInputs(inputs.slice(0, maximumInputs), check);
    const fits = dimensions === undefined || (dimensions >= 1 && dimensions <= maximumDimensions);
    check(fits, "dimensions", "must be from 1 to 65,536");
    const known = Object.values<number>(VectorEncoding).includes(encoding);
    check(known, "encoding", "must be one of the known encodings");
  });
}

function checkInputs(inputs: readonly EmbedInput[], check: Check): void {
  const first = inputs[0]?.input.case;
  inputs.forEach(({ input }, at) => {
    const field = `inputs[${at}]`;
    check(input.case !== undefined, field, "must be a text or tokens");
    if (input.case === undefined) return;
    check(input.case === first, field, "must be of the kind of the first: texts or tokens");
    if (input.case === "text") check(input.value !== "", `${field}.text`, "must not be empty");
    else {
      const { length } = input.value.tokens;
      const fits = length >= 1 && length <= maximumTokensOfInput;
      check(fits, `${field}.tokens`, "must have 1 to 1,000,000 tokens");
    }
  });
}
