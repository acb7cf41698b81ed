import type { Project } from "../source/project.ts";
import type { Violation } from "../violation.ts";

const mapFile = "ARCHITECTURE.md";
const mapped = /^(?:packages|services|test)\//;
// Rooms whose inside is nobody's concern: `src` says nothing, the others hold generated or
// recorded files.
const unlisted = /\/(?:__fixtures__|gen)(?:\/|$)/;

/**
 * The map of the house is true in both directions. It is the first fence marked `text` of
 * ARCHITECTURE.md that has a line beginning with `packages/`; each line that begins with a folder
 * in full, such as
 *   packages/bus/src/nats/     JetStream key-value and streams
 * names one room; other lines are free. A folder called src needs no line of its own, nor does
 * anything below __fixtures__/ and gen/.
 */
export function mapRule(project: Project): Violation[] {
  const text = project.files.get(mapFile);
  if (text === undefined) {
    return [{ rule: "map", path: mapFile, message: "is missing → it has the map of the house" }];
  }
  const listed = readMap(text);
  if (listed === undefined) {
    const message = "has no ```text fence with lines such as `packages/bus/  what lives there`";
    return [{ rule: "map", path: mapFile, message }];
  }
  const existing = foldersOf(project);
  const stale = [...listed]
    .filter(([folder]) => mapped.test(folder) && !existing.has(folder))
    .map(([folder, line]) => {
      const message = `${folder} does not exist → remove the line, or build the room`;
      return { rule: "map", path: mapFile, line, message };
    });
  const missing = [...existing]
    .filter((folder) => needsLine(folder) && !listed.has(folder))
    .map((folder) => {
      const message = `is not on the map in ${mapFile} → move its files to an existing room, or add a line`;
      return { rule: "map", path: folder, message };
    });
  return [...stale, ...missing];
}

function needsLine(folder: string): boolean {
  return /^[^/]+\/[^/]+\//.test(folder) && !folder.endsWith("/src/") && !unlisted.test(folder);
}

function foldersOf(project: Project): Set<string> {
  const folders = [...project.files.keys()]
    .filter((path) => mapped.test(path))
    .flatMap((path) => {
      const parts = path.split("/").slice(0, -1);
      return parts.map((_part, index) => `${parts.slice(0, index + 1).join("/")}/`);
    });
  return new Set(folders.toSorted());
}

// Folder → line of the file.
function readMap(text: string): Map<string, number> | undefined {
  for (const fence of text.matchAll(/^```text\n([\s\S]*?)^```/gm)) {
    if (!/^packages\//m.test(fence[1] ?? "")) continue;
    const firstLine = text.slice(0, fence.index).split("\n").length + 1;
    return new Map(
      (fence[1] ?? "").split("\n").flatMap((line, index): [string, number][] => {
        const folder = /^([\w.-]+(?:\/[\w.-]+)*\/)(?:\s|$)/.exec(line)?.[1];
        return folder === undefined ? [] : [[folder, firstLine + index]];
      }),
    );
  }
  return undefined;
}
