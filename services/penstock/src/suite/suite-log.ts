import { renderLogLine } from "./merged-log.ts";

/** Parts that are not ours say much; people see what is wrong, the file has it all. */
const foreignTrouble = /\[(?:WRN|ERR|FTL)\]|\b(?:WARNING|ERROR|FATAL|PANIC):/;
const foreignNames = new Set(["nats", "postgres"]);

/** Where the lines of all parts go. */
export interface SuiteLog {
  /** One line of a part. */
  line(name: string, line: string): void;
  /** What the suite itself has to say. */
  say(text: string): void;
}

/** One log of all parts: readable on the terminal, with every line in the file. */
export function createSuiteLog(
  talk: (text: string) => void,
  writeFile: (line: string) => void,
): SuiteLog {
  return {
    line: (name, line) => {
      const text = renderLogLine(name, line);
      if (text === undefined) return;
      writeFile(`${text}\n`);
      if (!foreignNames.has(name) || foreignTrouble.test(text)) talk(`${text}\n`);
    },
    say: (text) => {
      writeFile(`suite      ${text}\n`);
      talk(`penstock: ${text}\n`);
    },
  };
}
