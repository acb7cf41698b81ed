import type { VariableSpec } from "./env-value.ts";

/** A variable that whoever runs Penstock may set, with what the table of settings says of it. */
export type Setting = VariableSpec & {
  /** What it is for, as a sentence. */
  readonly meaning: string;
  /** Roles that read it; `all` of them, or `commands`: those of administrators. */
  readonly roles: readonly string[];
  /** What holds where it is absent and nothing is its `default`, such as `a random one`. */
  readonly otherwise?: string;
  /** Of a number that counts something, such as `days`. */
  readonly unit?: string;
};

/** Settings of one reader, by the name its code uses. */
export type Settings = Readonly<Record<string, Setting>>;
