import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { reportClaim } from "./claim.ts";

const folder = mkdtempSync(join(tmpdir(), "penstock-claim-"));
const file = join(folder, "figures.jsonl");

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(file, { force: true });
});

describe("reportClaim", () => {
  it("appends a line of JSON for each figure", () => {
    vi.stubEnv("PENSTOCK_CLAIM_FILE", file);
    reportClaim("fallback", 12.5, "ms");
    reportClaim("fallback", 13, "ms");
    expect(readFileSync(file, "utf8")).toBe(
      '{"claim":"fallback","figure":12.5,"unit":"ms"}\n{"claim":"fallback","figure":13,"unit":"ms"}\n',
    );
  });

  it("writes nothing in an ordinary run, and refuses what is no figure", () => {
    vi.stubEnv("PENSTOCK_CLAIM_FILE", undefined);
    reportClaim("fallback", 1, "ms");
    expect(() => readFileSync(file)).toThrow("ENOENT");
    expect(() => reportClaim("fallback", Number.NaN, "ms")).toThrow(RangeError);
  });
});
