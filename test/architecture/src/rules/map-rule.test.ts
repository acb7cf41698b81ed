import { expect, it } from "vitest";
import { madeUpProject } from "../source/made-up-project.ts";
import { formatViolation } from "../violation.ts";
import { mapRule } from "./map-rule.ts";

const files = {
  "packages/bus/index.ts": "",
  "packages/bus/src/nats/a.ts": "",
  "packages/formats/src/openai-chat/__fixtures__/a.json": "",
  "test/architecture/tidy.test.ts": "",
};
const map = [
  "# Architecture",
  "```text",
  "packages/bus/              the two things we ask of a bus",
  "packages/bus/src/nats/     JetStream",
  "packages/formats/",
  "packages/formats/src/openai-chat/",
  "proto/                     the contracts",
  "test/architecture/         the tidy tests",
  "```",
].join("\n");

it("is content with a map that is true", () => {
  expect(mapRule(madeUpProject({ ...files, "ARCHITECTURE.md": map }))).toEqual([]);
});

it("finds a file in a room that is not on the map, and a room without files", () => {
  const project = madeUpProject({
    ...files,
    "ARCHITECTURE.md": map.replace("src/nats/ ", "src/kafka/"),
  });
  expect(mapRule(project).map(formatViolation)).toEqual([
    "map  ARCHITECTURE.md:4  packages/bus/src/kafka/ does not exist → remove the line, or build the room",
    "map  packages/bus/src/nats/  is not on the map in ARCHITECTURE.md → move its files to an existing room, or add a line",
  ]);
});

it("says when there is no map", () => {
  expect(mapRule(madeUpProject(files)).map(formatViolation)).toEqual([
    "map  ARCHITECTURE.md  is missing → it has the map of the house",
  ]);
  const empty = { ...files, "ARCHITECTURE.md": "# Architecture\n```text\nlayer 4\n```\n" };
  expect(mapRule(madeUpProject(empty)).map(formatViolation)).toEqual([
    "map  ARCHITECTURE.md  has no ```text fence with lines such as `packages/bus/  what lives there`",
  ]);
});
