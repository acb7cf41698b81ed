import { expect, it } from "vitest";
import { warmUp } from "./warm-up.ts";

it("does not fail a start when nobody answers, nor when the router refuses", async () => {
  const router = { explainRequest: () => Promise.reject(new Error("refused")) };
  const warming = warmUp({
    openaiUrl: "http://127.0.0.1:1/v1",
    key: "psk_x",
    keyName: "projects/demo/virtualKeys/demo",
    router: router as unknown as Parameters<typeof warmUp>[0]["router"],
  });
  await expect(warming).resolves.toBeUndefined();
});
