import { spawn } from "node:child_process";
import { constants } from "node:os";
import { isatty } from "node:tty";
import { LaunchError } from "./launch-error.mjs";

const signalsToPassOn = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a program in our place and resolves to its exit code, 128 + n when signal n ended it.
 * Signals we get are passed on, except an interrupt typed at a terminal: that one goes to the
 * whole foreground group, the program has it already, and a second one would mean "at once".
 */
export function runChild(command, parameters, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { stdio: "inherit", env: environment });
    // Not process.stdin: opening it makes a pipe non-blocking for the program too.
    const atTerminal = isatty(0);
    for (const signal of signalsToPassOn) {
      process.on(signal, () => {
        if (signal !== "SIGINT" || !atTerminal) child.kill(signal);
      });
    }
    child.on("error", (error) => {
      reject(new LaunchError(`${command} could not be started: ${error.message}.`));
    });
    child.on("exit", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}
