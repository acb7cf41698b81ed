import { expect, it } from "vitest";
import { writeApiIndex } from "./api-index.ts";

it("groups names by file, values before types, each sorted, enums once", () => {
  const text = writeApiIndex([
    { path: "src/gen/b_pb.ts", text: "export const ZSchema = 1;\nexport type Z = {};\n" },
    {
      path: "src/gen/a_pb.ts",
      text: "export const Color = {} as const;\nexport type Color = 1;\nexport const Able = 2;\n",
    },
  ]);
  expect(text).toBe(
    [
      "// Generated from proto/; do not edit.",
      'export {\n  Able,\n  Color,\n} from "./src/gen/a_pb.ts";',
      'export {\n  ZSchema,\n  type Z,\n} from "./src/gen/b_pb.ts";',
      "",
    ].join("\n"),
  );
});

it("refuses a name that two files export, naming both", () => {
  const twice = ["a", "b"].map((name) => ({
    path: `src/gen/${name}_pb.ts`,
    text: "export type Route = {};\n",
  }));
  expect(() => writeApiIndex(twice)).toThrow(
    "Route is exported by src/gen/a_pb.ts and by src/gen/b_pb.ts: rename one in proto/",
  );
});
