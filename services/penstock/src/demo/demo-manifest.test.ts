import { describe, expect, it } from "vitest";
import { formatProblem } from "../manifest/manifest-problem.ts";
import { readManifest } from "../manifest/read-manifest.ts";
import { writeManifest } from "../manifest/write-manifest.ts";
import { demoManifest } from "./demo-manifest.ts";
import { openaiManifest } from "./openai-manifest.ts";

describe("the demo's manifests", () => {
  it("are manifests without problems, and stay the same when written again", () => {
    for (const text of [demoManifest("http://127.0.0.1:8084"), openaiManifest()]) {
      const manifest = readManifest(text, "demo");
      expect(manifest.problems.map(formatProblem)).toEqual([]);
      const written = writeManifest(manifest.resources.map(({ resource }) => resource));
      const again = readManifest(written, "demo");
      expect(again.problems).toEqual([]);
      expect(again.resources.map(({ resource }) => resource)).toEqual(
        manifest.resources.map(({ resource }) => resource),
      );
    }
  });

  it("point the vendors at the simulator", () => {
    const { resources } = readManifest(demoManifest("http://127.0.0.1:9"), "demo");
    const providers = resources.flatMap(({ resource: { resource } }) =>
      resource.case === "provider" ? [resource.value] : [],
    );
    expect(providers).toMatchObject([
      { kind: "openai-compatible", baseUrl: "http://127.0.0.1:9/alpha/v1", privateNetwork: true },
      { kind: "openai-compatible", baseUrl: "http://127.0.0.1:9/beta/v1", privateNetwork: true },
    ]);
  });
});
