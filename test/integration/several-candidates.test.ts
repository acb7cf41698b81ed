import { rmSync, writeFileSync } from "node:fs";
import { MessageRole } from "@penstock/client";
import type { ContentPart } from "@penstock/client";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { simulatedKeyFile } from "./src/matrix/upstreams.ts";

// Several answers to one request, from the formats that know of such a thing, through both doors.

const price = { inputUsd: "1", outputUsd: "2" };
const model = "alpha-large+delay-0";
let gateway: Constellation;
let key: string;
let openai: OpenAI;

/** The provider of `providerManifest`, but of Google's kind. */
function geminiManifest(vendor: string): string {
  return providerManifest("gemini", `${vendor}/v1beta`, price).replace(
    "providerKind: openai-compatible\n",
    `providerKind: google-gemini\ncredential: file:${simulatedKeyFile}\n`,
  );
}

beforeAll(async () => {
  writeFileSync(simulatedKeyFile, "simulated");
  gateway = await startConstellation({
    resources: (url) =>
      [
        projectManifest("test"),
        providerManifest("chat", `${url}/alpha/v1`, price),
        geminiManifest(`${url}/alpha`),
        ...["chat", "gemini"].map((id) => deploymentManifest(id, id, model)),
        ...["chat", "gemini"].map((id) => routeManifest(id, [id])),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/candidates");
  openai = new OpenAI({ baseURL: `${gateway.httpUrl}/v1`, apiKey: key, maxRetries: 0 });
});
afterAll(async () => {
  rmSync(simulatedKeyFile, { force: true });
  await gateway?.close();
});

const text = "How deep is the penstock?";
const messages = [
  { role: MessageRole.USER, parts: [{ part: { case: "text" as const, value: { text } } }] },
];

describe.each(["gemini", "chat"])("several candidates of a target of %s", (id) => {
  const several = { messages: [{ role: "user" as const, content: text }], n: 3 };

  it("come through, whole and streamed", async () => {
    const { choices, usage } = await openai.chat.completions.create({ model: id, ...several });
    const texts = choices.map(({ message }) => message.content);
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(texts).size).toBe(3);
    expect(usage?.completion_tokens).toBe(72);
    const stream = await openai.chat.completions.create({ model: id, stream: true, ...several });
    const streamed = ["", "", ""];
    const ends: (string | null)[] = [];
    for await (const chunk of stream) {
      for (const { index, delta, finish_reason: end } of chunk.choices) {
        streamed[index] += delta.content ?? "";
        if (end !== null) ends[index] = end;
      }
    }
    expect(streamed).toEqual(texts);
    expect(ends).toEqual(["stop", "stop", "stop"]);
  });

  it("come over gRPC, whole and streamed", async () => {
    const grpc = gateway.grpcClient(key);
    const asking = { model: id, messages, candidateCount: 2 };
    const { response } = await grpc.generate(asking);
    expect(response.candidates.map(({ finish }) => finish?.candidate)).toEqual([0, 1]);
    const whole = response.candidates.map(({ parts }) => String(textOf(parts[0])));
    expect(new Set(whole).size).toBe(2);
    const streamed = ["", ""];
    const candidates = new Map<number, number>();
    for await (const event of grpc.streamGenerate(asking)) {
      if (event.case === "blockStarted") candidates.set(event.value.index, event.value.candidate);
      if (event.case !== "blockDelta" || event.value.delta.case !== "text") continue;
      streamed[candidates.get(event.value.index) ?? -1] += event.value.delta.value;
    }
    expect(streamed).toEqual(whole);
  });
});

function textOf(one: ContentPart | undefined): string | undefined {
  return one?.part.case === "text" ? one.part.value.text : undefined;
}
