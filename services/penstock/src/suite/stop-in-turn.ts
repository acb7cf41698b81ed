import type { KeptProcess } from "./kept-process.ts";

/** Routers end open streams in 5 s and hand over then. */
const deadlineMs = 20_000;
/** What was asked twice gives up after 5 s. */
const hurriedDeadlineMs = 8_000;

/** What `stopInTurn` takes at most for routers, services and servers once it is hurried. */
export const hurriedStopMs = 3 * hurriedDeadlineMs;

/**
 * Stops one group after the other; nothing of any group is started again meanwhile. `hurry` ends
 * the group that is being stopped sooner, and each next one in its turn.
 */
export async function stopInTurn(
  groups: readonly (readonly KeptProcess[])[],
  hurry: AbortSignal,
): Promise<void> {
  for (const part of groups.flat()) part.restartNoMore();
  for (const group of groups) await stopGroup(group, hurry);
}

async function stopGroup(group: readonly KeptProcess[], hurry: AbortSignal): Promise<void> {
  const hurryAll = (): void => {
    for (const part of group) part.hurry(hurriedDeadlineMs);
  };
  const stopping = Promise.all(group.map((part) => part.stop(deadlineMs)));
  if (hurry.aborted) hurryAll();
  hurry.addEventListener("abort", hurryAll, { once: true });
  await stopping;
  hurry.removeEventListener("abort", hurryAll);
}
