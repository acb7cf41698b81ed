import type { GenerateRequest } from "@penstock/api";
import type {
  BodyEdit,
  CallerRequest,
  ForwardableBody,
  FormatName,
  RequestAddress,
  TargetRequest,
} from "./format.ts";

/** Names of the ways in which providers are asked to count the tokens of an input. */
export type CountingFormatName =
  | "anthropic-count-tokens"
  | "bedrock-count-tokens"
  | "gemini-count-tokens"
  | "openai-input-tokens"
  | "vertex-count-tokens";

/**
 * One way to ask for the tokens of an input, both directions. Requests are those of `format` without
 * what bears on the answer alone; so are errors. Pure: no clock, no input or output.
 */
export interface CountingFormat {
  /** Name of the format. */
  name: CountingFormatName;
  /** The format whose requests are counted. */
  format: FormatName;
  /** Reads a caller's body. Throws FIELD_INVALID or UNSUPPORTED_FIELD with all field paths. */
  readRequest(body: Uint8Array, address?: RequestAddress): CallerRequest;
  /** Writes the body for a target. Throws as `Format.writeRequest` does. */
  writeRequest(request: GenerateRequest, target: TargetRequest): string;
  /**
   * How the caller's own body of this format becomes that for a target of it; undefined when it has
   * to be written anew. Absent: no caller has such a body.
   */
  forwardRequest?(
    body: ForwardableBody,
    request: GenerateRequest,
    target: TargetRequest,
  ): BodyEdit | undefined;
  /** Reads a target's answer. Unit: tokens. Throws UPSTREAM_MALFORMED. */
  readResponse(body: Uint8Array): number;
  /** An answer for a caller, to be written as JSON. */
  writeResponse(inputTokens: number): Record<string, unknown>;
}
