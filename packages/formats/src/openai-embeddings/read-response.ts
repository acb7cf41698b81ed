import type { Embedding } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { ExpectedVectors, VectorAnswer } from "../embedding-format.ts";
import { failureToError, localFailure } from "../failure-to-error.ts";
import { readInBandError } from "../openai-chat/read-error.ts";
import { shortText } from "../openai-chat/read-response.ts";
import { readUsage } from "../openai-chat/usage.ts";
import { isJsonObject, readJsonObject } from "../read-json.ts";
import { areVectorBytes, vectorLength } from "../vector-encoding.ts";

/**
 * Reads an answer with vectors, as numbers or as base64. Throws UPSTREAM_MALFORMED for one that is
 * not what was asked for: a server that drops `dimensions` silently is found out here.
 */
export function readResponse(body: Uint8Array, expected: ExpectedVectors): VectorAnswer {
  const fields = parse(body);
  if (fields["error"] != null) throw failureToError(readInBandError(fields));
  const { usage, raw, warnings } = readUsage(fields["usage"]);
  return {
    embeddings: readVectors(fields["data"], expected),
    end: {
      candidates: [],
      // Nothing is written: what a server counts as output beside its vectors is no output.
      usage: usage === undefined ? undefined : { ...usage, outputTokens: 0n },
      rawUsage: raw,
      responseId: shortText(fields["id"]),
      model: shortText(fields["model"]),
      warnings,
    },
  };
}

function readVectors(data: unknown, expected: ExpectedVectors): Embedding[] {
  if (!Array.isArray(data)) throw localFailure("MALFORMED", "no list of vectors");
  if (data.length !== expected.count) {
    throw localFailure("MALFORMED", `${data.length} vectors for ${expected.count} inputs`);
  }
  const embeddings: (Embedding | undefined)[] = Array.from({ length: data.length });
  for (const [position, item] of data.entries()) {
    const embedding = readVector(item, position);
    if (embedding.index >= data.length || embeddings[embedding.index] !== undefined) {
      throw localFailure("MALFORMED", `the number of vector ${position} is given twice`);
    }
    embeddings[embedding.index] = embedding;
  }
  const read = embeddings.filter((one) => one !== undefined);
  const length = expected.dimensions ?? vectorLength(read[0] as Embedding);
  const other = read.find((one) => vectorLength(one) !== length);
  if (other === undefined) return read;
  const found = `a vector of ${vectorLength(other)} numbers where ${length} were expected`;
  throw localFailure("MALFORMED", found);
}

function readVector(item: unknown, position: number): Embedding {
  const fields = isJsonObject(item) ? item : {};
  const { index = position, embedding } = fields;
  if (!Number.isSafeInteger(index) || (index as number) < 0) {
    throw localFailure("MALFORMED", `vector ${position} has no number`);
  }
  const read: Embedding = {
    $typeName: "penstock.inference.v1.Embedding",
    index: index as number,
    values: [],
    data: new Uint8Array(),
  };
  if (typeof embedding === "string") read.data = decode(embedding, position);
  else if (Array.isArray(embedding) && embedding.length > 0 && embedding.every(isFiniteFloat)) {
    read.values = embedding as number[];
  } else throw localFailure("MALFORMED", `vector ${position} is not made of numbers`);
  return read;
}

/** Larger ones would become infinite as the numbers of four bytes that vectors are made of. */
function isFiniteFloat(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(Math.fround(value));
}

function decode(text: string, position: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(text);
  } catch {
    throw localFailure("MALFORMED", `vector ${position} is not base64`);
  }
  if (areVectorBytes(bytes)) return bytes;
  throw localFailure("MALFORMED", `vector ${position} is not made of numbers of four bytes`);
}

function parse(body: Uint8Array): Record<string, unknown> {
  try {
    return readJsonObject(body);
  } catch (error) {
    if (error instanceof GatewayError) throw localFailure("MALFORMED", error.message);
    throw error;
  }
}
