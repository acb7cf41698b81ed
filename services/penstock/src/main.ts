import process from "node:process";
import { processIo } from "./commands/command-io.ts";
import { runProgram } from "./commands/program.ts";

const exitCode = await runProgram(process.argv.slice(2), processIo());
// Not process.exit: output that is still on its way into a pipe would be lost.
process.exitCode = exitCode;
