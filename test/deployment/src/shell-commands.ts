/** One command of a shell, as its words; variables set before it are apart. */
export interface ShellCommand {
  readonly variables: Readonly<Record<string, string>>;
  readonly words: readonly string[];
}

/** The commands in the fences marked `sh` of a document: one a line, or several between `;`. */
export function readShellCommands(document: string): readonly ShellCommand[] {
  return [...document.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap((fence) => (fence[1] ?? "").replaceAll(/\\\n/g, " ").split("\n"))
    .map((line) => line.replace(/(?:^|\s)#.*$/, ""))
    .flatMap((line) => line.split(";"))
    .map((text) => text.trim())
    .filter((text) => text !== "")
    .map(readCommand);
}

function readCommand(text: string): ShellCommand {
  const words = text.split(/\s+/);
  const first = words.findIndex((word) => !/^(?:export|[A-Z_]+=.*)$/.test(word));
  const command = first < 0 ? [] : words.slice(first);
  const settings = (first < 0 ? words : words.slice(0, first)).filter((word) => word.includes("="));
  const variables = Object.fromEntries(
    settings.map((setting) => {
      const [name = "", ...value] = setting.split("=");
      return [name, value.join("=")];
    }),
  );
  return { variables, words: command };
}
