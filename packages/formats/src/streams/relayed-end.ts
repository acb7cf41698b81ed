import type { RelayedEnd } from "../format.ts";

/** An end that is known to the last character. */
export class KnownEnd implements RelayedEnd {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  write(): string {
    return this.text;
  }
}
