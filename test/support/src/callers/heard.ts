import type { Transcript } from "./transcript.ts";

const listeners = new WeakMap<object, (transcript: Transcript) => void>();

/** Whatever is asked through `subject` from now on is told to `listener`, too. */
export function hear(subject: object, listener: (transcript: Transcript) => void): void {
  listeners.set(subject, listener);
}

/** Tells who listens to `subject`; gives the transcript. */
export function tell(subject: object, transcript: Transcript): Transcript {
  listeners.get(subject)?.(transcript);
  return transcript;
}
