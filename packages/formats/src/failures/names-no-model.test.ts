import { describe, expect, it } from "vitest";
import { readError } from "../openai-chat/read-error.ts";
import { namesNoModel } from "./names-no-model.ts";

const bodies: readonly [boolean, string, unknown][] = [
  [true, "an unknown URL at OpenAI", { error: { type: "invalid_request_error", code: null } }],
  [true, "an unknown path of Azure", { error: { code: "404", message: "Resource not found" } }],
  [true, "an unknown path of FastAPI", { detail: "Not Found" }],
  [true, "a page", "<html><body>404</body></html>"],
  [true, "nothing", ""],
  [false, "an unknown model of OpenAI", { error: { code: "model_not_found" } }],
  [false, "an unknown model of vLLM", { object: "error", type: "NotFoundError", code: 404 }],
  [false, "an unknown deployment of Azure", { error: { code: "DeploymentNotFound" } }],
];

describe("namesNoModel", () => {
  it.each(bodies)("is %s of %s", (isPath, _name, body) => {
    const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
    expect(namesNoModel(readError(404, () => undefined, bytes))).toBe(isPath);
  });

  it("is about 404 alone", () => {
    expect(namesNoModel(readError(400, () => undefined, new Uint8Array()))).toBe(false);
  });
});
