import { DockerfileParser, ModifiableInstruction } from "dockerfile-ast";

/** One instruction: keyword in capitals, parameters as they stand, flags such as `from`. */
export interface Step {
  readonly keyword: string;
  readonly parameters: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
  /** All behind the keyword; lines that were continued are one. */
  readonly text: string;
}

/** What begins with a FROM. */
export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly steps: readonly Step[];
}

/** The stages of a Dockerfile; values of ARG from before the first are put into their bases. */
export function readStages(text: string): readonly Stage[] {
  const values = new Map<string, string>();
  const stages: { name: string; base: string; steps: Step[] }[] = [];
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const keyword = instruction.getKeyword();
    const parameters = instruction.getArguments().map((argument) => argument.getValue());
    const given = instruction instanceof ModifiableInstruction ? instruction.getFlags() : [];
    const flags = new Map(given.map((flag) => [flag.getName(), flag.getValue() ?? ""]));
    if (keyword === "FROM") {
      const base = (parameters[0] ?? "").replaceAll(
        /\$\{(\w+)\}/g,
        (whole, name: string) => values.get(name) ?? whole,
      );
      stages.push({ name: parameters[2] ?? "", base, steps: [] });
    } else if (stages.length === 0) {
      const [name = "", value = ""] = (parameters[0] ?? "").split("=", 2);
      values.set(name, value);
    } else {
      const rest = instruction.getRawArgumentsContent() ?? "";
      stages.at(-1)?.steps.push({ keyword, parameters, flags, text: joinLines(rest) });
    }
  }
  return stages;
}

function joinLines(text: string): string {
  return text.replaceAll(/\\\n\s*/g, "").trim();
}
