import type { EmbedRequest } from "@penstock/api";
import type { CompiledRoute, CompiledTarget } from "@penstock/snapshot";
import type { ExclusionRule } from "../choosing/exclude-target.ts";

/**
 * Why a target can't answer a request for vectors; undefined when it can. Vectors of two models can't
 * be compared, and nobody would notice: a route stands for the vectors of its first target that
 * makes any, and the others may only answer with the like of them.
 */
export function embeddingUnfitness(
  route: CompiledRoute,
  request: EmbedRequest,
  { deployment }: CompiledTarget,
): ExclusionRule | undefined {
  const { embedding } = deployment;
  if (embedding === undefined) {
    return { rule: "capability.embeddings", reason: "it makes no vectors" };
  }
  const first = firstOf(route)?.deployment;
  if (first?.embedding === undefined || first === deployment) return undefined;
  if (first.embedding.vectorSpace !== embedding.vectorSpace) {
    const reason = `its vectors are of another model than those of ${first.name}`;
    return { rule: "vector_space", reason };
  }
  const [wanted, made] = [first.embedding.dimensions, embedding.dimensions];
  if (request.dimensions !== undefined || wanted === undefined || made === undefined) {
    return undefined;
  }
  if (wanted === made) return undefined;
  const reason = `its vectors are of another length than ${first.name}'s`;
  return { rule: "embedding_dimensions", reason };
}

/** Length that every vector of the answer must have; undefined: nothing says it. */
export function expectedDimensions(
  route: CompiledRoute,
  request: EmbedRequest,
): number | undefined {
  return request.dimensions ?? firstOf(route)?.deployment.embedding?.dimensions;
}

function firstOf(route: CompiledRoute): CompiledTarget | undefined {
  return route.targets.find(({ deployment }) => deployment.embedding !== undefined);
}
