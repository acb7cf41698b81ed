/** The value that the parent handed over as the program's only argument. */
export function programInput<Input>(): Input {
  return JSON.parse(process.argv[2] ?? "null") as Input;
}

/** Tells the parent that the program serves, and where. */
export function announceReady(ports: Readonly<Record<string, number>>): void {
  process.send?.({ ready: ports });
}

/** Runs `stop` when the parent asks the program to end, then ends it. */
export function endWhenAsked(stop: () => Promise<void>): void {
  process.on("message", (message: { readonly ask?: string }) => {
    if (message.ask === "exit") void stop().finally(() => process.exit(0));
  });
}

/** Answers further questions of the parent, by their name. */
export function answerParent(answers: Readonly<Record<string, () => unknown>>): void {
  process.on("message", (message: { readonly ask?: string }) => {
    const answer = message.ask === undefined ? undefined : answers[message.ask];
    if (answer !== undefined) process.send?.({ reading: answer() });
  });
}
