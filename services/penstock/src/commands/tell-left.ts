import type { CommandIo } from "./command-io.ts";

/** Tells of a lock that the end of the process leaves behind. */
export function tellLeft(io: Pick<CommandIo, "talk">): (sentence: string) => void {
  return (sentence) => io.talk(`penstock: ${sentence}.\n`);
}
