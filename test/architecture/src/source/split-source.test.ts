import { describe, expect, it } from "vitest";
import { splitSource } from "./split-source.ts";

describe("splitSource", () => {
  it("keeps length and lines, and separates code, comments and strings", () => {
    const text = 'const a = "x // y"; // z\n/* w */ const b = 1;\n';
    const split = splitSource(text);
    expect(split.code).toBe('const a = "      ";     \n        const b = 1;\n');
    expect(split.comments.trim().split(/\s*\n/)).toEqual(["// z", "/* w */"]);
    expect(split.comments).toHaveLength(text.length);
  });

  it("keeps code in placeholders of templates, nested ones too", () => {
    const text = "const a = `x ${one({ b: `y ${two} }` })} // z`; done();";
    const { code } = splitSource(text);
    expect(code.replaceAll(/\s+/g, " ")).toBe("const a = ` {one({ b: ` {two} ` })} `; done();");
  });

  it("tells a regular expression from a division", () => {
    const text = 'const a = b / c; const d = /["/{]/.test(e) ? 1 : f() / 2; return /`/;';
    const { code } = splitSource(text);
    expect(code).toBe("const a = b / c; const d = /     /.test(e) ? 1 : f() / 2; return / /;");
  });

  it("does not trip over escaped quotes", () => {
    expect(splitSource(String.raw`a("\"//"); b();`).code).toBe('a("    "); b();');
  });
});
