import { create } from "@bufbuild/protobuf";
import { ListModelsRequestSchema } from "@penstock/api";
import { Metadata, status } from "@grpc/grpc-js";
import type { sendUnaryData } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { GrpcQuestions } from "./grpc-questions.ts";

describe("a mistake of ours", () => {
  it("is answered as one, without its words, and written down", () => {
    const { parts, bugs } = createPipeline();
    const questions = new GrpcQuestions({
      parts,
      currentSnapshot: () => {
        throw new Error("the words of a mistake");
      },
      pageTokenKey: new Uint8Array(32),
    });
    const request = { message: create(ListModelsRequestSchema), sizeBytes: 0 };
    const answers: Parameters<sendUnaryData<unknown>>[] = [];
    const call = { request, metadata: new Metadata() };
    questions.listModels(call as never, (...answer) => void answers.push(answer));
    const [error] = answers[0] ?? [];
    expect(error?.code).toBe(status.INTERNAL);
    expect(error?.details).not.toContain("the words of a mistake");
    expect(bugs).toHaveLength(1);
  });
});
