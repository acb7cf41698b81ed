import { readEnvironmentVariable } from "@penstock/runtime";

/** Whether PENSTOCK_TEST_WITHOUT (names, with commas) says to do as if a server were not installed. */
export function isLeftOut(name: string): boolean {
  const names = (readEnvironmentVariable("PENSTOCK_TEST_WITHOUT") ?? "").split(",");
  return names.some((one) => one.trim() === name);
}
