/** A reason why nothing was started, in words a user can act on; `exitCode` 2 means wrong usage. */
export class LaunchError extends Error {
  name = "LaunchError";

  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
