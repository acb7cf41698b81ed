import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The environment variables that some reader of the code declares: names in tables of settings, as
 * `name: "PENSTOCK_…"`, and in tables of ports. What only tests, messages or comments name does not
 * count.
 */
export function findKnownVariables(root: string): ReadonlySet<string> {
  const known = new Set<string>();
  for (const folder of ["packages", "services"]) {
    for (const path of sourcesOf(join(root, folder))) {
      const text = readFileSync(path, "utf8");
      for (const match of text.matchAll(/\b\w+: "((?:PENSTOCK|OTEL|OPENAI)_[A-Z_]+)"/g)) {
        known.add(match[1] ?? "");
      }
    }
  }
  return known;
}

function sourcesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !["node_modules", ".types", "dist", "gen"].includes(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sourcesOf(path);
      return path.endsWith(".ts") && !path.endsWith(".test.ts") ? [path] : [];
    });
}
