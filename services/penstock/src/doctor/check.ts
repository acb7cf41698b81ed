/** What one look found. `warn` is worth knowing, `fail` keeps Penstock from working. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do about it, as sentences. Absent: nothing, or the detail says it. */
  readonly advice?: string;
}

/** Runs a look; what it throws is its finding. */
export async function look(
  check: string,
  run: () => Promise<Omit<Finding, "check">> | Omit<Finding, "check">,
): Promise<Finding> {
  try {
    return { check, ...(await run()) };
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : "failed";
    return { check, state: "fail", detail };
  }
}
